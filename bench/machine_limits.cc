#include "bench/machine_limits.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <stdexcept>

namespace sluice::bench {
namespace {

constexpr rlim_t own_descriptors = 100;  // loops, publishers, files of /proc, what the caller has open

void allow_descriptors(rlim_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return;
  // Only root may go beyond the hard limit, and not beyond fs.nr_open.
  rlimit more{wanted, std::max(wanted, limit.rlim_max)};
  if (setrlimit(RLIMIT_NOFILE, &more) == 0) return;
  more = {std::min(wanted, limit.rlim_max), limit.rlim_max};
  if (setrlimit(RLIMIT_NOFILE, &more) == 0 && more.rlim_cur >= wanted) return;
  throw std::runtime_error(fmt::format(
      "{} connections need {} file descriptors, and this process may have {}: raise the hard limit (ulimit -Hn {} as "
      "root, or LimitNOFILE= of its service), or measure fewer connections with more streams",
      wanted - own_descriptors, wanted, limit.rlim_max, wanted));
}

void find_ports(const Plan& plan, unsigned connections) {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  unsigned first = 0, last = 0;
  if (!(file >> first >> last) || last < first) return;
  const unsigned ports = last - first + 1;
  const std::set<std::string> addresses(plan.crowd.source_addresses.begin(), plan.crowd.source_addresses.end());
  const auto sources = static_cast<unsigned>(std::max<std::size_t>(1, addresses.size()));
  if (connections / sources <= ports) return;
  throw std::runtime_error(fmt::format(
      "{} connections to one server from {} local address{} need more ports than the {} there are: give {} addresses "
      "(--source-address; on loopback 127.0.0.2, 127.0.0.3, ...), or widen net.ipv4.ip_local_port_range",
      connections, sources, sources == 1 ? "" : "es", ports, (connections + ports - 1) / ports));
}

}  // namespace

unsigned connections_max(const Plan& plan) {
  if (plan.scenario != Scenario::ramp || plan.ramp.what != RampPlan::What::streams) return plan.crowd.connections;
  return static_cast<unsigned>(std::ceil(plan.ramp.to / plan.crowd.streams));
}

void prepare_limits(const Plan& plan) {
  const unsigned connections = connections_max(plan);
  allow_descriptors(connections + own_descriptors);
  find_ports(plan, connections);
}

}  // namespace sluice::bench
