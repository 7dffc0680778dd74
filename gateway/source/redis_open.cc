#include "gateway/source/redis_open.h"

#include <optional>

namespace sluice::source {

std::unique_ptr<proto::TlsContext> make_redis_tls(const config::Source& config) {
  if (config.scheme() != "rediss") return nullptr;
  proto::TlsContext::ClientOptions options;
  if (!config.tls.ca.empty()) options.ca = config.tls.ca;
  options.alpn = "";
  return std::make_unique<proto::TlsContext>(proto::TlsContext::client(options));
}

std::unique_ptr<RedisLink> make_redis_link(Context& context, client::ReadBuffers& buffers, const proto::TlsContext* tls,
                                           const std::string& purpose) {
  RedisConnection::Options options;
  options.url = parse_redis_url(context.config.url);
  options.tls = tls;
  options.client_name = "sluice-" + context.config.name + "-" + purpose;
  options.seed = context.random();
  // A reply holds a batch of entries, each as large as an event may be and then some; one that is larger than that is
  // refused by its reader, not by memory.
  options.reply.reply_size = 1024UL * 1024 * 1024;
  options.reply.reply_elements = 4UL << 20;
  return std::make_unique<RedisLink>(context.io, buffers, std::move(options));
}

}  // namespace sluice::source
