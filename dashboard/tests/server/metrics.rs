//! Prometheus' own programs read what is given out.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::tempdir;

use crate::common::{Answer, Dashboard, Process, ask, free_port, put_record, record, until};

fn get(port: u16, path: &str) -> Answer {
    let address = ([127, 0, 0, 1], port).into();
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: identity\r\n\r\n"),
    )
}

#[test]
fn prometheus_scrapes_the_figures_of_the_records() {
    let all = tempdir().unwrap();
    let folder = all.path().join("stats");
    std::fs::create_dir(&folder).unwrap();
    put_record(&folder, &record("forville-1", 0, 30, 10));
    put_record(&folder, &record("forville-1", 1, 20, 20));
    put_record(&folder, &record("forville-2", 1, 50, 0));
    let dashboard = Dashboard::serve(&[folder.to_str().unwrap()]);
    let config = all.path().join("prometheus.yml");
    let target = dashboard.address;
    std::fs::write(
        &config,
        format!("scrape_configs:\n- job_name: maskcount\n  scrape_interval: 1s\n  static_configs:\n  - targets: ['localhost:{}']\n", target.port()),
    )
    .unwrap();
    let port = free_port();
    let prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", all.path().join("tsdb").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _prometheus = Process(prometheus.expect("Debian's prometheus is installed: pipelines/setup.sh --dashboard"));
    until("ready Prometheus", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(()));
    let value = |query: &str| -> Option<f64> {
        let json: Value = serde_json::from_str(&get(port, &format!("/api/v1/query?query={query}")).body).ok()?;
        json["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    };
    assert_eq!(until("scraped counter", || value("sum(maskcount_passages_total)")), 130.0);
    assert_eq!(value("sum(maskcount_passages_total%7Bstate=%22masked%22,camera=%22forville-1%22%7D)"), Some(50.0));
    assert_eq!(value("maskcount_windows_total%7Bcamera=%22forville-1%22%7D"), Some(2.0));
    assert_eq!(value("maskcount_site_window_persons"), Some(90.0));
    assert_eq!(value("maskcount_site_day_masked_share"), Some(0.769));
    put_record(&folder, &record("forville-1", 2, 30, 0));
    until("stepped counter", || (value("sum(maskcount_passages_total)") == Some(160.0)).then_some(()));
}

#[test]
fn the_text_file_is_what_promtool_calls_right() {
    let all = tempdir().unwrap();
    let folder = all.path().join("stats");
    std::fs::create_dir(&folder).unwrap();
    put_record(&folder, &record("forville-1", 0, 30, 10));
    let file = all.path().join("maskcount.prom");
    let dashboard = Dashboard::serve(&[folder.to_str().unwrap(), "--textfile", file.to_str().unwrap()]);
    let with = |count: &str| {
        let line =
            format!("maskcount_passages_total{{site=\"forville\",camera=\"forville-1\",state=\"masked\"}} {count}\n");
        until("text file", || std::fs::read_to_string(&file).ok().filter(|text| text.contains(&line)))
    };
    with("30");
    put_record(&folder, &record("forville-1", 1, 20, 20));
    let text = with("50");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    // No time stands behind a value: the collector refuses files with one.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert_eq!(line.rsplit_once("} ").map_or(1, |(_, value)| value.split(' ').count()), 1, "{line}");
    }
    let left: Vec<_> = std::fs::read_dir(all.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".tmp")), "{left:?}");
    assert_eq!(dashboard.log(), "");
}

#[test]
fn the_grafana_file_names_only_metrics_that_there_are() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/grafana.json")).unwrap();
    let grafana: Value = serde_json::from_str(&text).unwrap();
    let panels = grafana["panels"].as_array().unwrap();
    let mut expressions: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    expressions
        .extend(grafana["templating"]["list"].as_array().unwrap().iter().filter_map(|v| v["definition"].as_str()));
    assert!(expressions.len() >= 6);
    let mut command = crate::common::binary();
    command.args(["demo", "--port", "0"]);
    let metrics = Dashboard::start(command).get("/metrics").body;
    for expression in expressions {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let names: Vec<&str> = words.filter(|word| word.starts_with("maskcount_")).collect();
        assert!(!names.is_empty(), "{expression}");
        for name in names {
            assert!(metrics.contains(&format!("\n{name}{{")), "{expression}: there is no metric {name}");
        }
    }
}
