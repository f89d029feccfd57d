//! Takes connections, no more at once than the machine bears, and none that only waits.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at once; more wait until one ends. A browser opens up to six, one of which stays open for events.
const MOST_CONNECTIONS: usize = 256;

/// Time in which the head of a request must have come; also how long a connection may be idle.
const LONGEST_HEAD: Duration = Duration::from_secs(10);

/// Header lines of a request.
const MOST_HEADERS: usize = 64;

/// Bytes of the head of a request.
const LONGEST_HEAD_BYTES: usize = 16 * 1024;

/// Answers on `listener` until the process ends.
pub async fn serve(listener: TcpListener, router: Router) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let place = places.clone().acquire_owned().await.expect("nobody closes it");
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // The other side is gone, or there are no file handles: the next one may do better.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new())
                .header_read_timeout(LONGEST_HEAD)
                .max_headers(MOST_HEADERS)
                .max_buf_size(LONGEST_HEAD_BYTES);
            // A connection that breaks off is the other side's business.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}
