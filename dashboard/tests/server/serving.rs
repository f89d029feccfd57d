//! Who may ask what, and how it is answered.

use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::tempdir;

use crate::common::{Dashboard, PATIENCE, ask, binary, put_record, record, until};

fn fresh(arguments: &[&str]) -> (tempfile::TempDir, Dashboard) {
    let folder = tempdir().unwrap();
    put_record(folder.path(), &record("forville-1", 0, 30, 10));
    put_record(folder.path(), &record("forville-2", 0, 20, 20));
    let path = folder.path().to_str().unwrap().to_owned();
    let dashboard = Dashboard::serve(&[&[path.as_str()], arguments].concat());
    until("record", || (dashboard.persons() == Some(80)).then_some(()));
    (folder, dashboard)
}

#[test]
fn every_answer_has_the_security_headers() {
    let (_folder, dashboard) = fresh(&[]);
    for path in ["/", "/page/style.css", "/api/sites", "/nothing", "/metrics"] {
        let answer = dashboard.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
    }
}

#[test]
fn the_page_asks_nobody_else() {
    let (_folder, dashboard) = fresh(&[]);
    let page = dashboard.get("/").body;
    assert!(page.starts_with("<!doctype html>"));
    let addresses = page.split(['"', '\'']).filter(|text| text.starts_with("http") || text.starts_with("//"));
    assert_eq!(addresses.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn a_name_that_points_here_from_elsewhere_gets_nothing() {
    let (_folder, dashboard) = fresh(&[]);
    let with_host = |host: &str| {
        ask(dashboard.address, &format!("GET /api/sites HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).status
    };
    assert_eq!(with_host("evil.example"), 421);
    assert_eq!(with_host("localhost.evil.example"), 421);
    assert_eq!(with_host(&format!("127.0.0.1:{}", dashboard.address.port())), 200);
}

#[test]
fn a_loopback_address_of_its_own_answers_to_its_name() {
    let (_folder, dashboard) = fresh(&["--address", "127.0.0.2"]);
    for host in ["127.0.0.2".to_owned(), dashboard.address.to_string()] {
        let request = format!("GET /api/sites HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(ask(dashboard.address, &request).status, 200, "{host}");
    }
}

#[test]
fn another_address_needs_a_token_or_a_proxy() {
    let refused = binary().args(["serve", "/tmp", "--port", "0", "--address", "0.0.0.0"]).output().unwrap();
    assert!(!refused.status.success());
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("--token-file") && why.contains("--behind-proxy"), "{why}");
    let (_folder, dashboard) = fresh(&["--address", "0.0.0.0", "--behind-proxy"]);
    let request = "GET /api/sites HTTP/1.1\r\nHost: figures.example\r\nConnection: close\r\n\r\n";
    assert_eq!(ask(dashboard.address, request).status, 200);
}

#[test]
fn with_a_token_only_who_shows_it_may_ask() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "correct-horse-battery\n").unwrap();
    let file = file.to_str().unwrap();
    let path = folder.path().to_str().unwrap();
    let dashboard = Dashboard::serve(&[path, "--address", "0.0.0.0", "--token-file", file]);
    let with = |path: &str, line: &str| {
        ask(dashboard.address, &format!("GET {path} HTTP/1.1\r\nHost: box.example\r\n{line}Connection: close\r\n\r\n"))
    };
    for path in ["/", "/api/sites", "/metrics", "/api/events", "/healthz"] {
        let answer = with(path, "");
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.body.contains("token"), "{}", answer.body);
    }
    assert_eq!(with("/api/sites", "Authorization: Bearer correct-horse-battery\r\n").status, 200);
    assert_eq!(with("/api/sites", "Authorization: Bearer correct-horse-batterx\r\n").status, 401);
    assert_eq!(with("/api/sites?token=wrong", "").status, 401);
    let once = with("/?token=correct-horse-battery", "");
    assert_eq!((once.status, once.header("location")), (303, Some("/")));
    let cookie = once.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(with("/api/sites", &format!("Cookie: a=b; {pair}\r\n")).status, 200);
    let elsewhere = with("//evil.example/?token=correct-horse-battery", "");
    assert_ne!(elsewhere.header("location"), Some("//evil.example/"));
}

#[test]
fn a_token_that_can_be_guessed_is_refused() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "1234\n").unwrap();
    let output =
        binary().args(["serve", "/tmp", "--port", "0", "--token-file", file.to_str().unwrap()]).output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("16 or more"));
}

#[test]
fn the_api_says_what_a_request_lacks() {
    let (_folder, dashboard) = fresh(&[]);
    for (path, status, word) in [
        ("/api/day", 400, "site"),
        ("/api/day?site=forville", 400, "date"),
        ("/api/day?site=forville&date=yesterday", 400, "yesterday"),
        ("/api/day?site=forville&date=2026-02-30", 400, "2026-02-30"),
        ("/api/day?site=forville&date=2026-04-26&other=1", 400, "other"),
        ("/api/day?site=nowhere&date=2026-04-26", 404, "nowhere"),
        ("/api/day?site=forville&date=2026-04-26&camera=none", 404, "none"),
        ("/api/nothing", 404, "nothing at this address"),
        ("/page/../Cargo.toml", 404, "no file"),
    ] {
        let answer = dashboard.get(path);
        let why: serde_json::Value =
            serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{path}: {}", answer.body));
        assert_eq!(answer.status, status, "{path}");
        assert!(why["error"].as_str().unwrap().contains(word), "{path}: {why}");
    }
}

#[test]
fn days_weeks_and_tables_agree() {
    let (_folder, dashboard) = fresh(&[]);
    let day = dashboard.json("/api/day?site=forville&date=2026-04-26");
    assert_eq!(day["from"], "2026-04-25T22:00:00Z");
    assert_eq!((&day["total"]["persons"], &day["windows"][0]["cameras"]), (&json!(80), &json!(2)));
    let one = dashboard.json("/api/day?site=forville&date=2026-04-26&camera=forville-1");
    assert_eq!((&one["total"]["persons"], &one["cameras"]), (&json!(40), &json!(["forville-1"])));
    assert_eq!((&one["all_cameras"], &one["min_persons"]), (&json!(2), &json!(10)));
    let week = dashboard.json("/api/week?site=forville&date=2026-04-22");
    assert_eq!((&week["days"][0]["date"], &week["days"][6]["total"]), (&json!("2026-04-20"), &day["total"]));
    assert_eq!(dashboard.json("/api/days?site=forville&month=2026-04"), json!({ "days": ["2026-04-26"] }));
    let table = dashboard.get("/api/day.csv?site=forville&date=2026-04-26");
    assert!(table.header("content-disposition").unwrap().contains("maskcount-forville-2026-04-26.csv"));
    assert!(
        table.body.contains("2026-04-26T08:40:00+02:00,2026-04-26T09:00:00+02:00,80,50,30,0,0,0.625,"),
        "{}",
        table.body
    );
}

#[test]
fn a_live_message_is_taken_only_as_json_of_the_right_shape() {
    let (_folder, dashboard) = fresh(&[]);
    let post = |kind: &str, body: &str| {
        let head = format!(
            "POST /api/live HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n",
            body.len()
        );
        ask(dashboard.address, &format!("{head}Connection: close\r\n\r\n{body}")).status
    };
    let live = r#"{"site":"forville","camera":"forville-1","mask":3,"no_mask":1,"incorrect":0,"unknown":2}"#;
    assert_eq!(post("application/json", live), 204);
    // A form of another page can send this without asking first.
    assert_eq!(post("text/plain", live), 415);
    assert_eq!(post("application/json", r#"{"site":"forville"}"#), 422);
    assert_eq!(post("application/json", &format!("[{}]", "1,".repeat(10_000))), 413);
}

#[test]
fn what_gst_launch_says_of_faces_in_view_reaches_open_pages() {
    use std::io::{BufRead, BufReader, Write};
    let (_folder, dashboard) = fresh(&[]);
    let mut page = std::net::TcpStream::connect(dashboard.address).unwrap();
    page.set_read_timeout(Some(PATIENCE)).unwrap();
    page.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(page).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.is_empty()));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../pipelines/live.py");
    let mut forwarder = Command::new("python3");
    forwarder.arg(script).args([&format!("http://{}/api/live", dashboard.address), "forville", "forville-1"]);
    let mut forwarder = forwarder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let said = "Got message #71 from element \"maskcount0\" (element): maskcount-live, mask=(uint)3, no_mask=(uint)1, \
                incorrect=(uint)0, unknown=(uint)2;\nGot EOS from element \"pipeline0\".\n";
    forwarder.stdin.take().unwrap().write_all(said.as_bytes()).unwrap();
    assert!(lines.any(|line| line == "event: live"));
    let live: serde_json::Value = serde_json::from_str(lines.next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(
        (&live["camera"], &live["mask"], &live["no_mask"], &live["unknown"]),
        (&json!("forville-1"), &json!(3), &json!(1), &json!(2))
    );
    let passed_on = forwarder.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&passed_on.stdout), "Got EOS from element \"pipeline0\".\n");
}

#[test]
fn the_demo_shows_a_market_with_a_falling_share() {
    let mut command = binary();
    command.args(["demo", "--port", "0", "--time-zone", "Europe/Paris"]);
    let dashboard = Dashboard::start(command);
    let sites = dashboard.json("/api/sites");
    let today = sites["sites"][0]["last"].as_str().unwrap();
    let day = dashboard.json(&format!("/api/day?site=generated&date={today}"));
    let windows = day["windows"].as_array().unwrap();
    let share = |n: usize| windows[n]["masked_share"].as_f64().unwrap();
    // The window from 8:40, and the last whole one.
    assert!(
        (share(2) - 0.87).abs() < 0.02 && share(windows.len() - 2) < 0.80,
        "{} … {}",
        share(2),
        share(windows.len() - 2)
    );
    assert_eq!(sites["sites"][0]["cameras"].as_array().unwrap().len(), 3);
}

#[test]
fn a_port_that_is_taken_is_said() {
    let (_folder, dashboard) = fresh(&[]);
    let port = dashboard.address.port().to_string();
    let second = binary().args(["demo", "--port", &port]).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && said.contains(&port), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
