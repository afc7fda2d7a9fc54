//! Tells cargo when the embedded web client changed. It never calls npm: `cargo build` needs no node.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Debug builds read web/dist at run time. A release build compiles it in, and looks again each time
    // while the folder is missing.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        println!("cargo:rerun-if-changed=web/dist");
    }
}
