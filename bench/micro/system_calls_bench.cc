// What this machine's kernel takes for itself: a call that does nothing, and send() on loopback to a reader on another
// core. No server that writes each of N connections once for an event needs less than N times the latter: the figures
// of bench/run are read beside it.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "bench/micro/measure.h"

namespace {

constexpr int connection_count = 100, rounds = 300;

double cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

void pin(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core % std::thread::hardware_concurrency(), &set);
  (void)::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

void expect(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::exit(1);
}

struct Connections {
  std::vector<int> near, far;

  Connections() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    expect(::bind(listener, generic, size) == 0 && ::listen(listener, connection_count) == 0 &&
               ::getsockname(listener, generic, &size) == 0,
           "listen");
    for (int index = 0; index != connection_count; ++index) {
      near.push_back(::socket(AF_INET, SOCK_STREAM, 0));
      expect(::connect(near.back(), generic, sizeof address) == 0, "connect");
      far.push_back(::accept(listener, nullptr, nullptr));
      const int on = 1;
      (void)::setsockopt(near.back(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ::close(listener);
  }
  ~Connections() {
    for (const std::vector<int>& side : {near, far})
      for (const int descriptor : side) ::close(descriptor);
  }
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;
};

// CPU time of one send of `size` bytes to each connection in turn; the reader polls, so that nobody is woken.
double send_ns(const Connections& connections, std::size_t size) {
  std::atomic<bool> done{false};
  std::thread reader([&] {
    pin(1);
    std::array<char, 65536> buffer{};
    while (!done)
      for (const int descriptor : connections.far) (void)::recv(descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT);
  });
  const std::vector<char> bytes(size, 'x');
  double spent = 0;
  for (int round = 0; round != rounds; ++round) {
    const double begin = cpu_ns();
    for (const int descriptor : connections.near)
      expect(::send(descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT) == static_cast<ssize_t>(size), "send");
    spent += cpu_ns() - begin;
    const timespec pause{0, 1'000'000};  // the reader takes what came
    ::nanosleep(&pause, nullptr);
  }
  done = true;
  reader.join();
  return spent / (rounds * connection_count);
}

}  // namespace

int main() {
  pin(0);
  sluice::bench::measure("a system call", [] { (void)::syscall(SYS_getppid); });
  const Connections connections;
  for (const std::size_t size : {160U, 1'400U, 14'000U}) {
    const double cost = send_ns(connections, size);
    std::printf(
        "send %5zu bytes to each of %d connections %10.1f ns/op  at most %.3f M deliveries/CPU s, or %.2f M by ten\n",
        size, connection_count, cost, 1e3 / cost, 1e4 / cost);
  }
}
