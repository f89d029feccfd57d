//! Which folders there are: from the command line or from a TOML file.
//!
//! ```toml
//! [[site]]
//! name = "forville"
//!
//! [[site.camera]]
//! name = "forville-1"
//! folder = "/var/lib/maskcount/forville-1"
//! ```

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::sidecar::Folder;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    site: Vec<Site>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Site {
    name: String,
    camera: Vec<Camera>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Camera {
    name: String,
    folder: PathBuf,
}

/// Reads the folders from a TOML file; relative ones are relative to the file.
pub fn read(path: &Path) -> Result<Vec<Folder>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let config: Config = toml::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let base = path.parent().unwrap_or(Path::new(""));
    let mut folders = Vec::new();
    for site in config.site {
        for camera in site.camera {
            folders.push(Folder {
                path: absolute(&base.join(camera.folder))?,
                site: Some(site.name.clone()),
                camera: Some(camera.name),
            });
        }
    }
    Ok(folders)
}

/// Folders whose records say themselves what they are of.
pub fn plain(paths: &[PathBuf]) -> Result<Vec<Folder>, String> {
    paths.iter().map(|path| Ok(Folder { path: absolute(path)?, site: None, camera: None })).collect()
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|e| format!("{}: {e}", path.display()))
}
