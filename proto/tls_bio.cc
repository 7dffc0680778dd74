#include "proto/tls_bio.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

namespace sluice::proto {
namespace {

int on_read(BIO* bio, char* out, std::size_t capacity, std::size_t* taken) noexcept {
  auto& wire = *static_cast<TlsWire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *taken = std::min(capacity, wire.incoming.size());
  if (*taken == 0) {
    BIO_set_retry_read(bio);
    return 0;
  }
  std::memcpy(out, wire.incoming.data(), *taken);
  wire.incoming = wire.incoming.subspan(*taken);
  return 1;
}

int on_write(BIO* bio, const char* bytes, std::size_t size, std::size_t* taken) noexcept {
  auto& wire = *static_cast<TlsWire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  wire.sink->on_ciphertext({reinterpret_cast<const std::uint8_t*>(bytes), size});
  *taken = size;
  return 1;
}

// OpenSSL flushes after each flight; all other controls are for BIOs that buffer or know their peer.
long on_control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

struct MethodDeleter {
  void operator()(BIO_METHOD* method) const noexcept { BIO_meth_free(method); }
};
using MethodHandle = std::unique_ptr<BIO_METHOD, MethodDeleter>;

MethodHandle new_method() {
  MethodHandle method(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice wire"));
  if (!method) throw std::bad_alloc();
  BIO_meth_set_read_ex(method.get(), on_read);
  BIO_meth_set_write_ex(method.get(), on_write);
  BIO_meth_set_ctrl(method.get(), on_control);
  return method;
}

}  // namespace

BIO* new_tls_bio(TlsWire& wire) {
  static const MethodHandle method = new_method();  // a table of functions, once per process
  BIO* bio = BIO_new(method.get());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, &wire);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace sluice::proto
