#include "bench/subscribers.h"

#include <stdexcept>

namespace sluice::bench {
namespace {

constexpr std::size_t opening_max = 64;  // connections whose streams are not all open yet
constexpr unsigned thorough_each = 64;   // every 64th stream is parsed in full
constexpr std::chrono::seconds open_timeout{60};

}  // namespace

class Subscribers::Subscriber final : public proto::ResponseVisitor {
 public:
  Subscriber(Subscribers& crowd, unsigned number)
      : crowd_(crowd), check_(crowd.tally_, crowd.options_.payload_bytes, number % thorough_each == 0) {}

  void on_head(proto::StreamId, proto::ResponseHead&& head, bool) override {
    if (head.status == 200) return;
    if (crowd_.failure_.empty()) crowd_.failure_ = "a stream was refused with status " + std::to_string(head.status);
  }
  void on_body(proto::StreamId, std::span<const std::uint8_t> bytes) override {
    check_.feed({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, crowd_.clock_.now());
    if (open_) return;
    open_ = true;
    ++crowd_.open_;
    crowd_.open_next();
  }
  void on_close(proto::StreamId, std::uint32_t) override {
    if (!crowd_.closing_) ++crowd_.ended_;
  }
  void finish(std::uint64_t published) { check_.finish(published); }

 private:
  Subscribers& crowd_;
  StreamCheck check_;
  bool open_ = false;
};

std::string topic_path(const LoadOptions& options, unsigned topic) {
  const std::size_t mark = options.path.find("{}");
  if (mark == std::string::npos) return options.path;
  return options.path.substr(0, mark) + std::to_string(topic) + options.path.substr(mark + 2);
}

std::string authority(const LoadOptions& options) { return options.host + ":" + std::to_string(options.port); }

Subscribers::Subscribers(boost::asio::io_context& loop, client::ConnectionBuffers& buffers,
                         const proto::TlsContext& tls, const LoadOptions& options, const RunClock& clock, Tally& tally)
    : loop_(loop), buffers_(buffers), tls_(tls), options_(options), clock_(clock), tally_(tally) {}

Subscribers::~Subscribers() = default;

void Subscribers::open_next() {
  while (connections_.size() < options_.connections && connections_.size() < open_ / options_.streams + opening_max) {
    client::ClientConnection::Options options{.host = options_.host, .port = options_.port};
    options.http.http2.stream_window = options_.stream_window;
    client::ClientConnection& connection = connections_.emplace_back(loop_, buffers_, &tls_, options);
    for (unsigned i = 0; i < options_.streams; ++i) {
      const auto number = static_cast<unsigned>(subscribers_.size());
      connection.request({"GET",
                          "https",
                          authority(options_),
                          topic_path(options_, number % options_.topics),
                          "",
                          {{"accept", "text/event-stream"}}},
                         subscribers_.emplace_back(*this, number));
    }
  }
}

void Subscribers::open() {
  const std::size_t wanted = std::size_t{options_.connections} * options_.streams;
  const auto deadline = std::chrono::steady_clock::now() + open_timeout;
  open_next();
  while (open_ < wanted && ended_ == 0 && failure_.empty() && std::chrono::steady_clock::now() < deadline)
    loop_.run_one_for(std::chrono::seconds(1));
  if (open_ == wanted) return;
  for (const client::ClientConnection& connection : connections_)
    if (failure_.empty()) failure_ = connection.error();
  if (failure_.empty()) failure_ = ended_ != 0 ? "a stream ended while the others opened" : "not all in 60 s";
  throw std::runtime_error("only " + std::to_string(open_) + " of " + std::to_string(wanted) +
                           " streams are open: " + failure_);
}

std::size_t Subscribers::on_topic(unsigned topic) const {
  return subscribers_.size() / options_.topics + (topic < subscribers_.size() % options_.topics ? 1 : 0);
}

void Subscribers::finish(const std::vector<std::uint64_t>& published) {
  unsigned number = 0;
  for (Subscriber& subscriber : subscribers_) subscriber.finish(published[number++ % options_.topics]);
}

void Subscribers::close() {
  closing_ = true;
  for (client::ClientConnection& connection : connections_) connection.close();
}

}  // namespace sluice::bench
