//! Embeds the page: every file of `page/` that a browser gets, and uPlot from `page/node_modules`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What is taken from the package registry: path in `page/node_modules`, path below `/page/`.
const FROM_REGISTRY: [(&str, &str); 2] =
    [("uplot/dist/uPlot.esm.js", "uplot/uPlot.esm.js"), ("uplot/dist/uPlot.min.css", "uplot/uPlot.min.css")];

fn main() {
    let page = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("page");
    println!("cargo:rerun-if-changed=page");
    let mut files = Vec::new();
    collect(&page, &page, &mut files);
    for (from, to) in FROM_REGISTRY {
        let path = page.join("node_modules").join(from);
        if !path.is_file() {
            println!("cargo:warning={} is not there", path.display());
            println!("cargo:error=the page's scripts are not installed: run pipelines/setup.sh --dashboard");
            return;
        }
        files.push((to.to_owned(), path));
    }
    files.sort();
    let mut table = String::from("pub static FILES: &[(&str, &[u8])] = &[\n");
    for (name, path) in files {
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").expect("a string takes all");
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("page.rs");
    fs::write(&out, table).unwrap_or_else(|e| panic!("cannot write {}: {e}", out.display()));
}

/// Adds the files of a folder, with their paths below `root`.
fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("cannot read {}: {e}", folder.display()));
    for path in entries.map(|entry| entry.expect("an entry of a folder can be read").path()) {
        let name = path.strip_prefix(root).expect("it lies below").to_str().expect("names are UTF-8").to_owned();
        let served = ["html", "css", "js", "svg", "webmanifest"];
        if path.is_dir() {
            if name != "node_modules" {
                collect(root, &path, files);
            }
        } else if path.extension().is_some_and(|e| served.iter().any(|s| e == *s)) {
            files.push((name, path));
        }
    }
}
