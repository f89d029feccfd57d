//! A real mosquitto gets every record once, whoever goes away in between.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::common::{Dashboard, Process, free_port, put_record, record, until};

struct Broker {
    all: TempDir,
    port: u16,
    process: Option<Process>,
}

impl Broker {
    /// A broker that keeps sessions and retained messages when it is stopped; `more` are lines of its configuration.
    fn new(more: &str) -> Broker {
        let all = tempdir().unwrap();
        let port = free_port();
        // As root mosquitto would become a user who may not read here.
        let config = format!(
            "user root\npersistence true\npersistence_location {}/\nlog_dest file {}/log\nlog_type all\nlistener {port} 127.0.0.1\nallow_anonymous true\n{more}",
            all.path().display(),
            all.path().display()
        );
        std::fs::write(all.path().join("mosquitto.conf"), config).unwrap();
        let mut broker = Broker { all, port, process: None };
        broker.start();
        broker
    }

    fn start(&mut self) {
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("mosquitto");
        command.env("PATH", path).arg("-c").arg(self.all.path().join("mosquitto.conf"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.process = Some(Process(child.expect("Debian's mosquitto is installed: pipelines/setup.sh --dashboard")));
        until("listening broker", || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok().then_some(()));
    }

    /// Stops it as the system does, so that it writes down what it keeps.
    fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        assert!(Command::new("kill").arg(process.0.id().to_string()).status().unwrap().success());
        process.0.wait().unwrap();
    }

    /// How many messages came to a topic, by the broker's log.
    fn received(&self, topic: &str) -> usize {
        let log = std::fs::read_to_string(self.all.path().join("log")).unwrap();
        log.lines().filter(|line| line.contains("Received PUBLISH") && line.contains(&format!("'{topic}'"))).count()
    }

    /// Somebody who gets everything, also what comes while the broker restarts.
    fn listen(&self, more: &[&str]) -> Listener {
        let mut command = Command::new("mosquitto_sub");
        command.args(["-h", "localhost", "-p", &self.port.to_string(), "-t", "#", "-q", "1", "-c", "-i", "listener"]);
        command.args(["-F", "%r %t %p"]).args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child =
            command.spawn().expect("Debian's mosquitto-clients is installed: pipelines/setup.sh --dashboard");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (out, into) = (BufReader::new(child.stdout.take().unwrap()), lines.clone());
        std::thread::spawn(move || {
            out.lines().map_while(Result::ok).for_each(|line| into.lock().unwrap().push(line));
        });
        Listener { _process: Process(child), lines }
    }
}

struct Listener {
    _process: Process,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// Payloads of a topic, in the order in which they came.
    fn of(&self, topic: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        let parts = lines.iter().filter_map(|line| line.splitn(3, ' ').skip(1).collect::<Vec<_>>().try_into().ok());
        parts.filter(|[t, _]: &[&str; 2]| *t == topic).map(|[_, payload]| payload.to_owned()).collect()
    }

    /// How many persons each record of a camera had, in order.
    fn persons(&self, camera: &str) -> Vec<u64> {
        let records = self.of(&format!("maskcount/forville/{camera}/record"));
        records.iter().map(|json| serde_json::from_str::<Value>(json).unwrap()["persons"].as_u64().unwrap()).collect()
    }

    fn until_last(&self, camera: &str, persons: u64) {
        until(&format!("record with {persons} persons"), || {
            (self.persons(camera).last() == Some(&persons)).then_some(())
        });
    }

    fn counter(&self, camera: &str, rule: &str) -> Vec<u64> {
        let topic =
            format!("maskcount/forville/{camera}/onvif-ej/RuleEngine/CountAggregation/Counter/&{camera}/{rule}");
        let events = self.of(&topic);
        events
            .iter()
            .map(|json| serde_json::from_str::<Value>(json).unwrap()["Data"]["Count"].as_u64().unwrap())
            .collect()
    }
}

/// Each value where it came first.
fn first_of_each(values: Vec<u64>) -> Vec<u64> {
    let mut seen = Vec::new();
    values.into_iter().for_each(|value| {
        if !seen.contains(&value) {
            seen.push(value);
        }
    });
    seen
}

struct Site {
    all: TempDir,
}

impl Site {
    fn new() -> Site {
        let all = tempdir().unwrap();
        std::fs::create_dir(all.path().join("stats")).unwrap();
        Site { all }
    }

    fn put(&self, camera: &str, window: i64, masked: u64) {
        put_record(&self.all.path().join("stats"), &record(camera, window, masked, 0));
    }

    fn serve(&self, address: &str, client: &str, more: &[&str]) -> Dashboard {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (folder, store) = (text(&self.all.path().join("stats")), text(&self.all.path().join("store.sqlite")));
        let arguments = [folder.as_str(), "--store", &store, "--mqtt", address, "--mqtt-client", client];
        Dashboard::serve(&[&arguments, more].concat())
    }
}

#[test]
fn records_counters_and_the_site_s_window_reach_the_broker_in_both_versions() {
    for version in ["3.1.1", "5"] {
        let broker = Broker::new("");
        let listener = broker.listen(&[]);
        let site = Site::new();
        site.put("forville-1", 0, 40);
        let address = format!("mqtt://localhost:{}", broker.port);
        let dashboard = site.serve(&address, "box-1", &["--mqtt-version", version]);
        listener.until_last("forville-1", 40);
        site.put("forville-1", 1, 50);
        listener.until_last("forville-1", 50);
        until("second step", || (listener.counter("forville-1", "masked") == [40, 90]).then_some(()));
        assert_eq!(listener.counter("forville-1", "all"), [40, 90]);
        let window = until("merged window", || listener.of("maskcount/forville/window").get(1).cloned());
        let window: Value = serde_json::from_str(&window).unwrap();
        assert_eq!((&window["window"]["persons"], &window["day"]["persons"]), (&50.into(), &90.into()));
        let event =
            listener.of("maskcount/forville/forville-1/onvif-ej/RuleEngine/CountAggregation/Counter/&forville-1/all");
        let event: Value = serde_json::from_str(&event[0]).unwrap();
        assert_eq!(event["Source"], serde_json::json!({ "VideoSource": "forville-1", "Rule": "all" }));
        assert_eq!(listener.of("maskcount/availability/box-1"), ["online"]);
        drop(dashboard);
        until("last will", || (listener.of("maskcount/availability/box-1") == ["online", "offline"]).then_some(()));
        // Who comes later gets the last of each.
        let later = broker.listen(&["-i", "later"]);
        later.until_last("forville-1", 50);
        assert!(later.lines.lock().unwrap().iter().all(|line| line.starts_with("1 ")));
    }
}

#[test]
fn what_a_broker_refuses_for_good_holds_up_nothing_else_and_is_said_once() {
    let folder = tempdir().unwrap();
    let acl = folder.path().join("acl");
    std::fs::write(&acl, "topic readwrite maskcount/#\ntopic deny maskcount/+/+/onvif-ej/#\n").unwrap();
    let broker = Broker::new(&format!("acl_file {}\n", acl.display()));
    let listener = broker.listen(&[]);
    let site = Site::new();
    site.put("forville-1", 0, 40);
    let address = format!("mqtt://localhost:{}", broker.port);
    let dashboard = site.serve(&address, "box-1", &["--mqtt-version", "5"]);
    listener.until_last("forville-1", 40);
    site.put("forville-1", 1, 50);
    listener.until_last("forville-1", 50);
    until("merged window", || (listener.of("maskcount/forville/window").len() == 2).then_some(()));
    assert_eq!(dashboard.log().matches("refuses some messages").count(), 1, "{}", dashboard.log());
}

#[test]
fn while_the_broker_is_away_nothing_is_lost_or_doubled() {
    let mut broker = Broker::new("");
    let listener = broker.listen(&[]);
    let site = Site::new();
    let address = format!("mqtt://localhost:{}", broker.port);
    site.put("forville-1", 0, 40);
    let dashboard = site.serve(&address, "box-1", &[]);
    listener.until_last("forville-1", 40);
    until("site's window", || listener.of("maskcount/forville/window").first().cloned());
    broker.stop();
    for n in 1..6 {
        site.put("forville-1", n, 40 + n as u64);
        until("shown record", || (dashboard.persons() == Some((0..=n as u64).map(|n| 40 + n).sum())).then_some(()));
    }
    broker.start();
    listener.until_last("forville-1", 45);
    broker.stop();
    site.put("forville-1", 6, 46);
    until("shown record", || (dashboard.persons() == Some(301)).then_some(()));
    // The program is killed too, and a record comes while it is not there.
    drop(dashboard);
    site.put("forville-1", 7, 47);
    broker.start();
    let _dashboard = site.serve(&address, "box-1", &[]);
    listener.until_last("forville-1", 47);
    until("last counter", || (listener.counter("forville-1", "all").last() == Some(&348)).then_some(()));
    // The broker got each message once; to the listener it may say one again that it had not acknowledged at the stop.
    assert_eq!(broker.received("maskcount/forville/forville-1/record"), 8);
    assert_eq!(first_of_each(listener.persons("forville-1")), [40, 41, 42, 43, 44, 45, 46, 47]);
    let counts = first_of_each(listener.counter("forville-1", "all"));
    assert!(counts.windows(2).all(|pair| pair[0] < pair[1]), "{counts:?}");
}

#[test]
fn a_history_that_is_read_for_the_first_time_is_not_announced_record_by_record() {
    let broker = Broker::new("");
    let listener = broker.listen(&[]);
    let site = Site::new();
    for n in 0..30 {
        site.put("forville-1", n, 20 + n as u64);
    }
    let _dashboard = site.serve(&format!("mqtt://localhost:{}", broker.port), "box-1", &[]);
    listener.until_last("forville-1", 49);
    site.put("forville-1", 30, 50);
    listener.until_last("forville-1", 50);
    assert_eq!(listener.persons("forville-1"), [49, 50]);
}

#[test]
fn two_boxes_share_a_broker() {
    let broker = Broker::new("");
    let listener = broker.listen(&[]);
    let (north, south) = (Site::new(), Site::new());
    let address = format!("mqtt://localhost:{}", broker.port);
    let _one = north.serve(&address, "box-north", &[]);
    let _two = south.serve(&address, "box-south", &["--mqtt-version", "5"]);
    until("both online", || {
        let online = |name: &str| listener.of(&format!("maskcount/availability/{name}")) == ["online"];
        (online("box-north") && online("box-south")).then_some(())
    });
    for n in 0..5 {
        north.put("forville-1", n, 20 + n as u64);
        south.put("forville-2", n, 30 + n as u64);
        listener.until_last("forville-1", 20 + n as u64);
        listener.until_last("forville-2", 30 + n as u64);
    }
    assert_eq!(listener.persons("forville-1"), [20, 21, 22, 23, 24]);
    assert_eq!(listener.persons("forville-2"), [30, 31, 32, 33, 34]);
}

/// Makes a certificate authority and a certificate for `localhost` in the folder.
fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "authority of the test");
    let authority_key = KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    std::fs::write(folder.join("ca.pem"), authority_certificate.pem()).unwrap();
    std::fs::write(folder.join("server.pem"), server.pem()).unwrap();
    std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}

#[test]
fn over_tls_the_broker_s_certificate_is_checked() {
    let folder = tempdir().unwrap();
    certificates(folder.path());
    let other = tempdir().unwrap();
    certificates(other.path());
    let path = |folder: &TempDir, name: &str| folder.path().join(name).display().to_string();
    std::fs::write(folder.path().join("password"), "secret\n").unwrap();
    let broker =
        Broker::new(&format!("certfile {}\nkeyfile {}\n", path(&folder, "server.pem"), path(&folder, "server.key")));
    let listener = broker.listen(&["--cafile", &path(&folder, "ca.pem")]);
    let site = Site::new();
    site.put("forville-1", 0, 40);
    let address = format!("mqtts://localhost:{}", broker.port);
    let with = |ca: &TempDir, more: &[&str]| {
        let arguments = ["--mqtt-ca".to_owned(), path(ca, "ca.pem")];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        site.serve(&address, "box-1", &arguments)
    };
    let refused = with(&other, &[]);
    until("refusal", || refused.log().contains("no broker at").then_some(()));
    assert_eq!(listener.persons("forville-1"), Vec::<u64>::new());
    drop(refused);
    let _dashboard = with(&folder, &["--mqtt-user", "box", "--mqtt-password-file", &path(&folder, "password")]);
    listener.until_last("forville-1", 40);
}

#[test]
fn without_certificates_to_check_a_broker_the_program_does_not_start() {
    let folder = tempdir().unwrap();
    let (store, none) = (folder.path().join("store.sqlite"), folder.path().join("none.pem"));
    std::fs::write(&none, "no certificate").unwrap();
    let said = |more: &[&str]| {
        let mut command = crate::common::binary();
        command.args(["serve", "/tmp", "--port", "0", "--mqtt", "mqtts://localhost", "--mqtt-client", "a", "--store"]);
        let output = command.arg(&store).args(more).env("SSL_CERT_FILE", &none).env_remove("SSL_CERT_DIR").output();
        let output = output.unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let (system, own) = (said(&[]), said(&["--mqtt-ca", none.to_str().unwrap()]));
    assert!(system.contains("install ca-certificates, or give --mqtt-ca") && !system.contains("panicked"), "{system}");
    assert!(own.contains("there is no certificate in"), "{own}");
}

#[test]
fn what_is_wrong_with_a_broker_s_address_is_said() {
    for (arguments, word) in [
        (vec!["--mqtt", "mqtt://localhost"], "--store"),
        (vec!["--mqtt", "http://localhost", "--store", "/tmp/none.sqlite", "--mqtt-client", "a"], "mqtts://HOST"),
        (vec!["--mqtt", "mqtt://", "--store", "/tmp/none.sqlite", "--mqtt-client", "a"], "mqtts://HOST"),
        (vec!["--mqtt-prefix", "town/#"], "leave them out"),
        (vec!["--mqtt-prefix", "+/maskcount"], "leave them out"),
    ] {
        let output = crate::common::binary().args(["serve", "/tmp", "--port", "0"]).args(&arguments).output().unwrap();
        assert!(!output.status.success());
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(why.contains(word), "{arguments:?}: {why}");
    }
}
