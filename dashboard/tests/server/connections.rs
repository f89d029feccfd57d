//! Connections that want too much.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::{Dashboard, PATIENCE, ask, binary};

fn demo() -> Dashboard {
    let mut command = binary();
    command.args(["demo", "--port", "0"]);
    Dashboard::start(command)
}

fn open(dashboard: &Dashboard) -> TcpStream {
    let stream = TcpStream::connect(dashboard.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn a_head_with_too_many_or_too_long_lines_is_refused() {
    let dashboard = demo();
    let with =
        |lines: &str| ask(dashboard.address, &format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")).status;
    assert_eq!(with("Connection: close\r\n"), 200);
    assert_eq!(with(&"X: y\r\n".repeat(100)), 431);
    assert_eq!(with(&format!("X: {}\r\n", "y".repeat(40_000))), 431);
}

#[test]
fn who_sends_no_head_or_no_body_is_let_go_of() {
    let dashboard = demo();
    let begin = Instant::now();
    let mut silent = open(&dashboard);
    let mut slow = open(&dashboard);
    slow.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
    let mut idle = open(&dashboard);
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut bodiless = open(&dashboard);
    bodiless
        .write_all(b"POST /api/live HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{")
        .unwrap();
    for stream in [&mut silent, &mut slow, &mut idle] {
        // Closed from the other side, after an answer or without one.
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    let mut text = [0; 12];
    bodiless.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"HTTP/1.1 408");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn more_connections_than_there_are_places_wait_for_their_turn() {
    let dashboard = demo();
    let mut places: Vec<TcpStream> = (0..256).map(|_| open(&dashboard)).collect();
    // Each is known to the server: it has answered.
    for stream in &mut places {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    let mut one_more = open(&dashboard);
    one_more.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    one_more.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(one_more.read_exact(&mut [0; 12]).is_err(), "there was a 257th place");
    drop(places.pop());
    one_more.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = [0; 12];
    one_more.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"HTTP/1.1 200");
}
