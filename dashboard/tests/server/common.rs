//! What the tests share: sidecar files, a running dashboard, and plain HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use maskcount_dashboard::record::{Counts, Fields, Model, Privacy, Quality, Record, SCHEMA, Window};
use serde_json::Value;

/// Longest that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// 2026-04-26, 8:40 in Paris.
pub const MORNING: i64 = 1_777_185_600;

/// A record of camera `camera` at site `forville`: `window` counts windows of 20 minutes after [`MORNING`].
pub fn record(camera: &str, window: i64, masked: u64, unmasked: u64) -> Record {
    let start = MORNING + window * 1200;
    Record::read_back(fields(camera, start, start + 1200, masked, unmasked)).expect("it fits together")
}

pub fn fields(camera: &str, start: i64, end: i64, masked: u64, unmasked: u64) -> Fields {
    let share = masked as f64 / (masked + unmasked) as f64;
    let share = (masked + unmasked > 0).then_some(share);
    Fields {
        schema: SCHEMA.to_owned(),
        site: "forville".to_owned(),
        camera: camera.to_owned(),
        start: Timestamp::from_second(start).unwrap(),
        end: Timestamp::from_second(end).unwrap(),
        complete: true,
        persons: masked + unmasked,
        masked,
        unmasked,
        incorrect: 0,
        unknown: 0,
        masked_share: share,
        share_low: share.map(|_| 0.0),
        share_high: share.map(|_| 1.0),
        masked_share_raw: share,
        withdrawn: 0,
        coverage: 1.0,
        frames: 18_000,
        frames_analysed: 9_000,
        low_confidence: true,
        privacy: Privacy { min_persons: 10, epsilon: 0.0, extended_windows: 0 },
        model: Model { name: "test".to_owned(), sha256: "0".repeat(64), quality: None },
        version: "0.1.0".to_owned(),
    }
}

/// The numbers of a record, for tests that need no file.
pub fn window(start: i64, end: i64, masked: u64, unmasked: u64, min_persons: u32) -> Window {
    let counts = Counts { masked, unmasked, ..Counts::default() };
    let quality: Option<Quality> = None;
    Window { start, end, counts, coverage: 1.0, complete: true, min_persons, epsilon: 0.0, quality }
}

/// Writes a sidecar file as the plugin does: under another name, then renamed.
pub fn put(folder: &Path, name: &str, text: &str) {
    let unfinished = folder.join(format!(".maskcount-{name}.tmp"));
    std::fs::write(&unfinished, text).unwrap();
    std::fs::rename(unfinished, folder.join(name)).unwrap();
}

/// Writes the sidecar file of a record.
pub fn put_record(folder: &Path, record: &Record) -> PathBuf {
    let name = format!("{}-{}.json", record.camera, record.start.strftime("%Y%m%dT%H%M%SZ"));
    put(folder, &name, &record.to_json_pretty());
    folder.join(name)
}

/// Asks until the answer is there, and gives it.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "in {PATIENCE:?} there was no {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A free port of this machine; nobody else takes it in the moment until it is used, as the system gives them in turn.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A child process that ends with the test.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running dashboard.
pub struct Dashboard {
    pub process: Process,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
}

pub fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_maskcount-dashboard"))
}

impl Dashboard {
    /// `maskcount-dashboard serve` on a free port.
    pub fn serve(arguments: &[&str]) -> Dashboard {
        let mut command = binary();
        command.args(["serve", "--port", "0", "--time-zone", "Europe/Paris"]).args(arguments);
        Dashboard::start(command)
    }

    pub fn start(mut command: Command) -> Dashboard {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, into) = (BufReader::new(child.stderr.take().unwrap()), log.clone());
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let mut log = into.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let process = Process(child);
        let address = first.trim().strip_prefix("the page is at http://").and_then(|rest| rest.strip_suffix('/'));
        let address = address.unwrap_or_else(|| panic!("it said {first:?} and {}", log.lock().unwrap()));
        Dashboard { process, address: address.parse().unwrap(), log }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn get(&self, path: &str) -> Answer {
        ask(self.address, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Persons of the day of [`MORNING`], or nothing when there is no such site yet.
    pub fn persons(&self) -> Option<u64> {
        let answer = self.get("/api/day?site=forville&date=2026-04-26");
        let day: Value = serde_json::from_str(&answer.body).unwrap();
        day["total"]["persons"].as_u64()
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends a request and reads the answer to its end.
pub fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may have answered and closed before it has read everything.
    let _ = stream.write_all(request.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    answer(&String::from_utf8_lossy(&bytes))
}

pub fn answer(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}
