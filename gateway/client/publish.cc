#include "gateway/client/publish.h"

#include <iterator>
#include <optional>
#include <ostream>
#include <stdexcept>

#include "gateway/client/client_connection.h"
#include "gateway/client/target.h"

namespace sluice::client {
namespace {

void add_parameter(std::string& query, const char* name, const std::string& value) {
  if (value.empty()) return;
  if (!query.empty()) query += '&';
  query.append(name).append("=").append(percent_encode(value));
}

proto::Request publish_request(const PubOptions& options, Target target) {
  add_parameter(target.query, "event", options.event);
  add_parameter(target.query, "id", options.id);
  add_parameter(target.query, "key", options.key);
  proto::Request request{"POST", target.scheme(), target.authority(), target.path, target.query, options.headers};
  request.fields.push_back({"content-type", options.content_type});
  if (!options.secret.empty()) request.fields.push_back({"authorization", "Bearer " + options.secret});
  return request;
}

class Answer final : public proto::ResponseVisitor {
 public:
  explicit Answer(ClientConnection& connection) : connection_(connection) {}

  void on_head(proto::StreamId, proto::ResponseHead&& head, bool) override { status = head.status; }
  void on_body(proto::StreamId, std::span<const std::uint8_t> bytes) override {
    body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void on_close(proto::StreamId, std::uint32_t code) override {
    complete = code == 0 && status != 0;
    connection_.close();
  }

  int status = 0;
  std::string body;
  bool complete = false;

 private:
  ClientConnection& connection_;
};

}  // namespace

std::string percent_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved)
      out += c;
    else
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
  }
  return out;
}

int publish(const PubOptions& options, std::istream& in, std::ostream& out, std::ostream& err) {
  try {
    const Target target = parse_target(options.url);
    std::optional<proto::TlsContext> tls;
    if (target.tls) tls = make_client_tls(options.trust, target.host);
    std::string body = options.data ? *options.data : std::string(std::istreambuf_iterator<char>(in), {});

    boost::asio::io_context loop(1);
    ConnectionBuffers buffers;
    ClientConnection connection(loop, buffers, tls ? &*tls : nullptr, {.host = target.host, .port = target.port});
    Answer answer(connection);
    connection.request(publish_request(options, target), answer, std::move(body));
    loop.run();

    if (!answer.complete)
      throw std::runtime_error(connection.error().empty() ? "the gateway closed the stream without an answer"
                                                          : connection.error());
    while (!answer.body.empty() && answer.body.back() == '\n') answer.body.pop_back();
    if (answer.status / 100 != 2) {
      err << "sluice: refused with status " << answer.status << ": " << answer.body << '\n';
      return 1;
    }
    out << answer.body << '\n' << std::flush;
    return 0;
  } catch (const std::exception& error) {
    err << "sluice: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace sluice::client
