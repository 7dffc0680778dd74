// What TLS costs a server: a full handshake (its half alone, in CPU time) and sealing one record.
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

#include "bench/micro/measure.h"
#include "proto/tls.h"
#include "tests/support/certificates.h"

namespace {

using namespace sluice;
using proto::TlsContext;
using proto::TlsSession;

struct Wire final : proto::CiphertextSink {
  std::vector<std::uint8_t> bytes;
  void on_ciphertext(std::span<const std::uint8_t> more) override {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  std::vector<std::uint8_t> take() { return std::exchange(bytes, {}); }
};

double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// The server's part of one full handshake, its session made and destroyed, in ns of CPU time.
double handshake_ns(const TlsContext& server_context, const TlsContext& client_context) {
  Wire to_server, to_client;
  ByteBuffer plaintext;
  TlsSession client(client_context, to_server, "localhost");
  client.start();
  double start = cpu_ns();
  auto server = std::make_unique<TlsSession>(server_context, to_client);
  double spent = cpu_ns() - start;
  while (!to_server.bytes.empty() || !to_client.bytes.empty()) {
    const std::vector<std::uint8_t> flight = to_server.take();
    start = cpu_ns();
    server->receive(flight, plaintext);
    spent += cpu_ns() - start;
    client.receive(to_client.take(), plaintext);
  }
  start = cpu_ns();
  server.reset();
  return spent + cpu_ns() - start;
}

void handshakes(const TlsContext& server_context, const TlsContext& client_context) {
  std::vector<double> costs(400);
  for (double& cost : costs) cost = handshake_ns(server_context, client_context);
  std::sort(costs.begin(), costs.end());
  // The spread from the first to the last decile: single handshakes are interrupted.
  std::printf("%-44s %10.1f ns/op  %+.0f %%\n", "full handshake, the server's half", costs[costs.size() / 2],
              (costs[costs.size() * 9 / 10] / costs[costs.size() / 10] - 1) * 100);
}

void seal(const char* name, const TlsContext& server_context, const TlsContext& client_context, std::size_t size) {
  Wire to_server, to_client;
  ByteBuffer plaintext;
  TlsSession server(server_context, to_client);
  TlsSession client(client_context, to_server, "localhost");
  client.start();
  while (!to_server.bytes.empty() || !to_client.bytes.empty()) {
    server.receive(to_server.take(), plaintext);
    client.receive(to_client.take(), plaintext);
  }
  const std::vector<std::uint8_t> text(size, 'x');
  bench::measure(name, [&] {
    server.send(text);
    bench::keep(to_client.bytes);
    to_client.bytes.clear();
  });
}

}  // namespace

int main() {
  const tests::TestCertificates certificates;
  const TlsContext server = TlsContext::server({.certificate = certificates.cert(), .key = certificates.key()});
  const TlsContext client = TlsContext::client({.ca = certificates.ca()});
  handshakes(server, client);
  seal("seal a record of 100 B", server, client, 100);
  seal("seal a record of 1.4 KB", server, client, 1400);
  seal("seal a record of 16 KB", server, client, 16384);
}
