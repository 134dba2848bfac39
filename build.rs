//! Tells the program whether there are pages to put into it, and has it built anew when they are others.

use std::path::Path;

const FOLDERS: [&str; 2] = ["web/dist", "web/pages"];

fn main() {
    for folder in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
    }
    println!("cargo::rustc-check-cfg=cfg(pages)");
    if FOLDERS.iter().all(|folder| Path::new(folder).is_dir()) {
        println!("cargo::rustc-cfg=pages");
    }
}
