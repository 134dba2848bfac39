//! Tells the program whether there are pages to put into it, and has it built anew when they are others.

use std::path::Path;

const PAGES: &str = "web/dist";

fn main() {
    println!("cargo::rerun-if-changed={PAGES}");
    println!("cargo::rustc-check-cfg=cfg(pages)");
    if Path::new(PAGES).is_dir() {
        println!("cargo::rustc-cfg=pages");
    }
}
