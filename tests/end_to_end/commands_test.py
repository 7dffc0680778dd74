"""The verbs: what they print, what they answer, and the one clear line when something is wrong."""

import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile

import case
import gateway
from gateway import run_verb


class Commands(case.Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-")
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.home / name
        path.write_text(text, encoding="utf-8")
        return path

    def verb(self, *arguments, **others) -> subprocess.CompletedProcess:
        done = run_verb(*arguments, home=self.home, **others)
        self.assertIsNone(gateway.SANITIZER.search(done.stderr), done.stderr)
        return done

    def test_check_names_the_place_the_key_and_the_nearest_valid_one(self):
        broken = self.write("broken.toml", '[source.orders]\nurl = "demo:"\nhistroy = 5\n')
        done = self.verb("check", "-c", broken)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr, r"broken\.toml:3:1: .*histroy.*history")

    def test_check_accepts_a_good_file(self):
        done = self.verb("check", "-c", self.write("good.toml", case.STREAMS))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_version_names_the_program(self):
        done = self.verb("version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"sluice \d+\.\d+\.\d+")

    def test_certs_makes_a_certificate_and_prints_how_to_use_it(self):
        done = self.verb("certs")
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("curl", "--cacert", "NODE_EXTRA_CA_CERTS", "ca.pem"):
            self.assertIn(word, done.stdout)
        authority = next(self.home.rglob("ca.pem")).read_bytes()
        self.assertEqual(self.verb("certs").returncode, 0)
        self.assertEqual(next(self.home.rglob("ca.pem")).read_bytes(), authority, "who trusted it need not do so again")
        for key in self.home.rglob("*.key"):
            self.assertEqual(key.stat().st_mode & 0o077, 0, f"{key} is readable by others")

    def test_certs_with_force_renews_the_certificate_and_keeps_the_authority(self):
        self.verb("certs", "--name", "app.test")
        files = {name: next(self.home.rglob(name)) for name in ("ca.pem", "server.pem")}
        before = {name: file.read_bytes() for name, file in files.items()}
        self.verb("certs")
        self.assertEqual(files["server.pem"].read_bytes(), before["server.pem"], "a good one stays")
        done = self.verb("certs", "--force")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("app.test", done.stdout, "the new one is for the same names")
        self.assertNotEqual(files["server.pem"].read_bytes(), before["server.pem"])
        self.assertEqual(files["ca.pem"].read_bytes(), before["ca.pem"])

    def test_tail_and_pub_do_it_without_curl(self):
        running = self.start()
        tail = subprocess.Popen([gateway.binary(), "tail", running.url("/topics/greetings")], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=gateway.environment(running.home))
        self.addCleanup(tail.wait)
        self.addCleanup(tail.kill)
        reader = self.subscribe("/topics/greetings", gateway=running)
        reader.opened()
        for number in range(50):  # tail does not tell when it is subscribed: publish until it shows one
            done = run_verb("pub", running.url("/topics/greetings"), f"hello {number}", home=running.home)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(reader.next().data, f"hello {number}")
            if select.select([tail.stdout], [], [], 0)[0]:
                break
        self.assertRegex(tail.stdout.readline(), r"hello \d+|sluice\.open")

    # --- Nobody reads what is printed ---

    def tail_of(self, running, **others) -> subprocess.Popen:
        """`sluice tail | head -1`, once head has its line and is gone."""
        tail = subprocess.Popen([gateway.binary(), "tail", running.url("/demo/counter"), "--cacert", running.ca],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=gateway.environment(running.home),
                                **others)
        self.addCleanup(tail.stderr.close)
        self.addCleanup(tail.wait)
        self.addCleanup(tail.kill)
        subprocess.run(["head", "-1"], stdin=tail.stdout, check=True, capture_output=True, timeout=30)
        tail.stdout.close()
        return tail

    def test_tail_ends_quietly_when_its_reader_has_gone(self):
        running = self.start()
        tail = self.tail_of(running)
        self.assertEqual(tail.wait(10), -signal.SIGPIPE)
        self.assertRegex(tail.stderr.read(), r"\A-- sluice\.open [^\n]*\n\Z")

    def test_tail_ends_when_its_reader_has_gone_and_the_signal_is_ignored(self):
        running = self.start()
        tail = self.tail_of(running, restore_signals=False)  # Python ignores SIGPIPE, as systemd does for its services
        self.assertEqual(tail.wait(10), 1)
        self.assertIn("cannot be written", tail.stderr.read())

    def test_the_gateway_serves_on_when_nobody_reads_what_it_prints(self):
        process = subprocess.Popen([gateway.binary(), "run", "--listen", "127.0.0.1:0", "--admin", "off"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=gateway.environment(self.home))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        port = gateway.READY.search(process.stdout.readline())[2]
        process.stdout.close()
        ca = next(self.home.rglob("ca.pem"))
        for number in range(3):  # each ends with a line in the access log
            done = subprocess.run(["curl", "-sS", "--cacert", ca, "-d", f"{number}", f"https://localhost:{port}/topics/a"],
                                  capture_output=True, text=True, timeout=30, check=True)
            self.assertIn("ids", done.stdout)
        process.terminate()
        self.assertEqual(process.wait(20), 0)

    def test_a_closed_standard_error_is_no_subscriber(self):
        running = self.start()
        process = subprocess.Popen(["sh", "-c", 'exec "$@" 2>&-', "sh", gateway.binary(), "tail", running.url("/demo/clock"),
                                    "--cacert", running.ca], stdout=subprocess.PIPE, text=True,
                                   env=gateway.environment(running.home))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(process.stdout.readline())
        self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/2"), "/dev/null")

    # --- What is wrong at the start, and `check` says without a start ---

    def assert_one_clear_line(self, done, *mentions):
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, lines)
        for mention in mentions:
            self.assertIn(str(mention), lines[0])

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            done = self.verb("run", "--listen", address, "--set", "admin.listen=off", "--set", "log.format=text")
            self.assert_one_clear_line(done, address, "in use")

    def expired_pair(self) -> tuple[pathlib.Path, pathlib.Path]:
        request, cert, key = (self.home / name for name in ("old.csr", "old.pem", "old.key"))
        (self.home / "index").touch()
        authority = self.write("ca.cnf", f"""[ca]
default_ca = old
[old]
database = {self.home}/index
new_certs_dir = {self.home}
default_md = sha256
rand_serial = yes
policy = any
[any]
commonName = supplied
""")
        for command in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                         "-keyout", key, "-out", request],
                        ["ca", "-config", authority, "-batch", "-selfsign", "-notext", "-keyfile", key, "-in", request,
                         "-out", cert, "-startdate", "20200101000000Z", "-enddate", "20200102000000Z"]):
            subprocess.run(["openssl", *command], check=True, capture_output=True)
        return cert, key

    def test_check_and_run_say_the_same_of_files_that_cannot_be_used(self):
        cert, key = self.pair("a")
        _, other = self.pair("b")
        old_cert, old_key = self.expired_pair()
        text = self.write("text.pem", "hello\n")
        rows = [
            # cert, key, folder of files, the place and what is said there
            (self.home / "none.pem", key, ".", r"3:8: `tls\.cert`: certificate \S+none\.pem: no such file"),
            (text, key, ".", r"3:8: `tls\.cert`: certificate \S+text\.pem: no PEM certificate"),
            (old_cert, old_key, ".", r"3:8: `tls\.cert`: certificate \S+old\.pem: expired at 2020-01-02T00:00:00Z: renew it"),
            (cert, self.home, ".", r"4:8: `tls\.key`: key \S+: not a regular file"),
            (cert, other, ".", r"4:8: `tls\.key`: key \S+b\.key: belongs to another certificate"),
            (cert, key, "public", r"7:9: `route\.files`: \S+public: No such file"),
        ]
        for cert_file, key_file, folder, said in rows:
            with self.subTest(said):
                config = self.write("broken.toml", f"""listen = "127.0.0.1:0"
[tls]
cert = "{cert_file}"
key  = "{key_file}"
[[route]]
path = "/**"
files = "{folder}"
""")
                answers = [self.verb(verb, "-c", config) for verb in ("check", "run")]
                for done in answers:
                    self.assert_one_clear_line(done)
                    self.assertRegex(done.stderr, rf"^{re.escape(str(config))}:{said}")
                self.assertEqual(answers[0].stderr, answers[1].stderr)

    def test_check_warns_of_what_starts_but_is_hardly_meant(self):
        odd = self.write("odd.toml", '[source.notes]\nurl = "publish:"\n[[route]]\npath = "/**"\nfiles = "embedded:"\n')
        done = self.verb("check", "-c", odd)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr.splitlines(), [
            f"{odd}:1:9: warning: `source.notes` is in no route: nobody can subscribe to it",
            f"{odd}:1:9: warning: nobody can publish to `source.notes`: set `access.publish_secret`"])
        done = self.verb("check", "--set", "listen=:8443")
        self.assertIn("--set listen: warning: nobody can publish to `source.topics`", done.stderr)
        for good in (["-c", self.write("good.toml", case.STREAMS)], []):
            self.assertEqual(self.verb("check", *good).stderr, "")

    def run_with(self, cert, key):
        return self.verb("run", "--listen", "127.0.0.1:0", "--set", "admin.listen=off", "--set", f"tls.cert={cert}",
                         "--set", f"tls.key={key}")

    def pair(self, name: str) -> tuple[pathlib.Path, pathlib.Path]:
        cert, key = self.home / f"{name}.pem", self.home / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                        "/CN=localhost", "-days", "1", "-keyout", key, "-out", cert], check=True, capture_output=True)
        return cert, key

    def test_a_key_of_another_certificate(self):
        cert, _ = self.pair("a")
        _, key = self.pair("b")
        self.assert_one_clear_line(self.run_with(cert, key), key)

    def test_a_key_that_cannot_be_read(self):
        cert, key = self.pair("a")
        key.unlink()
        key.mkdir()
        self.assert_one_clear_line(self.run_with(cert, key), key)

    def test_a_certificate_that_is_not_there(self):
        _, key = self.pair("a")
        self.assert_one_clear_line(self.run_with(self.home / "none.pem", key), "none.pem")

    def test_a_certificate_that_is_none(self):
        _, key = self.pair("a")
        self.assert_one_clear_line(self.run_with(self.write("text.pem", "hello\n"), key), "text.pem")

    def test_a_configuration_file_that_is_not_there(self):
        self.assert_one_clear_line(self.verb("run", "-c", self.home / "none.toml"), "none.toml")

    def test_a_value_that_is_wrong_names_its_key(self):
        done = self.verb("run", "--listen", "127.0.0.1:0", "--set", "limits.streams=many")
        self.assert_one_clear_line(done, "limits.streams")
