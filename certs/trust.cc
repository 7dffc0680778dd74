#include "certs/trust.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "certs/files.h"

extern char** environ;

namespace sluice::certs {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

std::string command_line(const Arguments& arguments) {
  std::string line;
  for (const std::string& argument : arguments) line.append(line.empty() ? "" : " ").append(shell_word(argument));
  return line;
}

Arguments nss_arguments(const fs::path& ca, const std::string& name, const std::string& directory) {
  return {"certutil", "-d", directory, "-A", "-t", "C,,", "-n", name, "-i", ca.string()};
}

// One file per CA, so that a second directory's CA does not push out the first.
fs::path system_file(const fs::path& directory, std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return directory / (name + ".crt");
}

// The exit code, or 127 when there is no such program.
int run(const Arguments& arguments) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  pid_t child = 0;
  if (const int code = ::posix_spawnp(&child, pointers[0], nullptr, nullptr, pointers.data(), environ); code != 0) {
    if (code == ENOENT) return 127;
    throw std::runtime_error(arguments[0] + ": cannot be started: " + std::strerror(code));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

bool do_aloud(const Arguments& arguments, std::ostream& out) {
  out << "  $ " << command_line(arguments) << std::endl;  // flushed before the program prints
  return run(arguments) == 0;
}

bool has_certutil() {
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path != nullptr ? path : ""; !rest.empty();) {
    const std::string_view directory = rest.substr(0, rest.find(':'));
    if (::access((fs::path(directory) / "certutil").c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(rest.size(), directory.size() + 1));
  }
  return false;
}

bool trust_in_nss(const fs::path& ca, const std::string& name, const fs::path& database, std::ostream& out) {
  out << "Chromium (NSS database " << database.string() << "):\n";
  if (!has_certutil()) {
    out << "  not done: certutil is not installed: apt install libnss3-tools, then run this again\n";
    return false;
  }
  const std::string directory = "sql:" + database.string();
  if (!fs::exists(database / "cert9.db")) {
    make_private_directory(database);
    if (!do_aloud({"certutil", "-d", directory, "-N", "--empty-password"}, out)) return false;
  }
  if (!do_aloud(nss_arguments(ca, name, directory), out)) {
    out << "  not done: certutil failed; a database with a password asks for it: run the line above yourself\n";
    return false;
  }
  out << "  undo: " << command_line({"certutil", "-d", directory, "-D", "-n", name}) << "\n";
  return true;
}

bool trust_in_system(const fs::path& ca, const std::string& name, const TrustPlaces& places, std::ostream& out) {
  const fs::path file = system_file(places.system_certificates, name);
  out << "System store (" << places.system_certificates.string() << "):\n";
  if (!places.is_root) {
    out << "  not done: only root may; to do it: " << system_command(ca, name) << "\n";
    return true;  // nothing that was tried has failed
  }
  if (!do_aloud({"cp", ca.string(), file.string()}, out) || !do_aloud({"update-ca-certificates"}, out)) {
    out << "  not done: apt install ca-certificates, then run this again\n";
    return false;
  }
  out << "  undo: rm " << shell_word(file.string()) << " && update-ca-certificates --fresh\n";
  return true;
}

}  // namespace

std::string shell_word(const std::string& text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string word = "'";
  for (const char letter : text) {
    if (letter == '\'')
      word += "'\\''";
    else
      word += letter;
  }
  return word + "'";
}

std::string nss_command(const fs::path& ca, const std::string& name, const std::string& database) {
  return command_line(nss_arguments(ca, name, "sql:" + database));
}

std::string system_command(const fs::path& ca, const std::string& name) {
  const fs::path file = system_file(TrustPlaces{}.system_certificates, name);
  return "sudo cp " + shell_word(ca.string()) + " " + file.string() + " && sudo update-ca-certificates";
}

TrustPlaces trust_places() {
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') throw std::runtime_error("certs --trust: HOME is not set: set it");
  TrustPlaces places;
  places.nss_database = fs::path(home) / ".pki/nssdb";
  places.is_root = ::geteuid() == 0;
  return places;
}

bool trust_authority(const fs::path& ca, const std::string& name, const TrustPlaces& places, std::ostream& out) {
  const bool nss = trust_in_nss(ca, name, places.nss_database, out);
  const bool system = trust_in_system(ca, name, places, out);
  return nss && system;
}

}  // namespace sluice::certs
