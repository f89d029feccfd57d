use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use jiff::tz::TimeZone;
use maskcount_dashboard::cli::{Cli, Command, Listen};
use maskcount_dashboard::demo;
use maskcount_dashboard::history::History;
use maskcount_dashboard::record::Window;
use maskcount_dashboard::server::{self, Access, Event, Live, State};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(listen) => run_demo(listen),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("maskcount-dashboard: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run_demo(listen: Listen) -> Result<(), String> {
    let zone = listen.time_zone.clone().unwrap_or_else(TimeZone::system);
    let mut history = History::new(zone.clone());
    for record in demo::records(zone.to_datetime(jiff::Timestamp::now()).date(), &zone) {
        history.insert(&record.site, &record.camera, Window::from(&*record));
    }
    let state = Arc::new(State::new(history));
    run(listen, state.clone(), async move {
        for second in 0u32.. {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (mask, no_mask) = (3 + second % 4, second % 3);
            let (site, camera) = ("forville".to_owned(), format!("forville-{}", 1 + second % 3));
            let live = Live { site, camera, mask, no_mask, incorrect: 0, unknown: 0 };
            state.tell(Event::Live { live, at: jiff::Timestamp::now() });
        }
    })
}

fn run(listen: Listen, state: Arc<State>, beside: impl Future<Output = ()> + Send + 'static) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| format!("cannot start threads: {e}"))?;
    runtime.block_on(async {
        let asked = SocketAddr::new(listen.address, listen.port);
        let listener = TcpListener::bind(asked)
            .await
            .map_err(|e| format!("cannot listen on {asked}: {e}. Choose another --port"))?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        println!("the page is at http://{address}/");
        tokio::spawn(beside);
        server::serve(listener, server::router(state, Access::ThisMachine, address)).await;
        Ok(())
    })
}
