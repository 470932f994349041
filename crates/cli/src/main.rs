//! The `alpacon` program; everything is in the library beside it.

fn main() -> std::process::ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    alpacon_cli::run(&argv)
}
