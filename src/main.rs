//! The program: starts the command line of the library, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    postern::run()
}
