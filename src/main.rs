//! The command line.

fn main() {
    println!("cometql");
}
