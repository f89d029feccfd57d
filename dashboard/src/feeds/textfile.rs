//! The `*.prom` file for the text file collector of Prometheus' node exporter.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::metrics;
use crate::intake::log;
use crate::server::{Event, State};

/// Shortest time between two writes: a first reading of many files brings many changes.
const PAUSE: Duration = Duration::from_secs(1);

/// Writes the file now and whenever records come, until the process ends.
pub async fn follow(path: PathBuf, state: Arc<State>) {
    let mut events = state.subscribe();
    let mut said = false;
    loop {
        let text = metrics::text_format(&state.history());
        match write(&path, &text) {
            Ok(()) => said = false,
            Err(e) if !said => {
                log(&format!("cannot write {}: {e}; it is tried again with the next record", path.display()));
                said = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
        loop {
            match events.recv().await {
                Ok(Event::Live { .. }) => {}
                Ok(Event::Records { .. }) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

/// A reader sees the old or the new file, never a part. The temporary name does not end in `.prom`, so nobody reads it.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".maskcount-").suffix(".tmp");
    #[cfg(unix)]
    {
        // The node exporter runs as somebody else; the umask takes away what it should.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
