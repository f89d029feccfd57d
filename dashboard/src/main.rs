use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;
use maskcount_dashboard::cli::{Cli, Command, Listen, Serve};
use maskcount_dashboard::feeds::{mqtt, textfile};
use maskcount_dashboard::history::History;
use maskcount_dashboard::intake::Intake;
use maskcount_dashboard::record::Window;
use maskcount_dashboard::server::{self, Access, Event, Live, State};
use maskcount_dashboard::store::Store;
use maskcount_dashboard::{config, demo, notice};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(serve) => run_serve(*serve),
        Command::Demo(listen) => run_demo(&listen),
        Command::Notice(notice) => {
            print!("{}", notice::html(&notice));
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("maskcount-dashboard: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run_serve(serve: Serve) -> Result<(), String> {
    let access = serve.listen.access()?;
    let broker = serve.mqtt.broker()?;
    let mut folders = config::plain(&serve.folders)?;
    if let Some(path) = &serve.config {
        folders.extend(config::read(path)?);
    }
    let store = Arc::new(open(serve.store.as_deref())?);
    let mut history = History::new(serve.listen.zone()?);
    let read = store.each(|kept| {
        history.insert(&kept.site, &kept.camera, kept.window);
    });
    read.map_err(|e| e.to_string())?;
    history.reach(store.newest().map_err(|e| e.to_string())?);
    let state = Arc::new(State::new(history));
    let (ready, all_read) = oneshot::channel();
    let intake = Intake::new(folders, store.clone(), state.clone());
    let follow = std::thread::Builder::new().name("intake".to_owned());
    let follow = follow.spawn(move || {
        intake.run(|| {
            // Nobody waits for it when there is no broker.
            let _ = ready.send(());
        });
    });
    follow.map_err(|e| format!("cannot start a thread: {e}"))?;
    run(&serve.listen, access, state.clone(), async move {
        if let Some(path) = serve.textfile {
            tokio::spawn(textfile::follow(path, state.clone()));
        }
        if let Some(broker) = broker {
            let (prefix, wake) = (serve.mqtt.mqtt_prefix, Arc::new(Notify::new()));
            tokio::spawn(mqtt::send(store.clone(), broker, prefix.clone(), wake.clone()));
            if all_read.await.is_ok() {
                mqtt::announce(store, state, prefix, wake).await;
            }
        }
    })
}

fn open(path: Option<&Path>) -> Result<Store, String> {
    let name = path.map_or("in memory".to_owned(), |path| path.display().to_string());
    Store::open(path).map_err(|e| format!("cannot open the store {name}: {e} (each running program needs its own)"))
}

fn run_demo(listen: &Listen) -> Result<(), String> {
    let zone = listen.zone()?;
    let mut history = History::new(zone.clone());
    for record in demo::records(zone.to_datetime(Timestamp::now()).date(), &zone) {
        history.insert(&record.site, &record.camera, Window::from(&*record));
    }
    let state = Arc::new(State::new(history));
    run(listen, listen.access()?, state.clone(), async move {
        for second in 0u32.. {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (mask, no_mask) = (3 + second % 4, second % 3);
            let (site, camera) = (demo::SITE.to_owned(), format!("{}-{}", demo::SITE, 1 + second % 3));
            let live = Live { site, camera, mask, no_mask, incorrect: 0, unknown: 0 };
            state.tell(Event::Live { live, at: Timestamp::now() });
        }
    })
}

/// Serves until the process is told to end.
fn run(
    listen: &Listen,
    access: Access,
    state: Arc<State>,
    beside: impl Future<Output = ()> + Send + 'static,
) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| format!("cannot start threads: {e}"))?;
    runtime.block_on(async {
        let asked = SocketAddr::new(listen.address, listen.port);
        let listener = TcpListener::bind(asked)
            .await
            .map_err(|e| format!("cannot listen on {asked}: {e}. Choose another --port"))?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        println!("the page is at http://{address}/");
        tokio::spawn(beside);
        server::serve(listener, server::router(state, access, address)).await;
        Ok(())
    })
}
