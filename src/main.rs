//! The program: reads the command line and starts the command.

use std::process::ExitCode;

use clap::Parser;
use postern::cli::{self, Cli, CliCommand};
use postern::config::Config;
use postern::serve::serve;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let CliCommand::Serve(flags) = &cli.command else {
        return cli::run(&cli);
    };
    match Config::load(flags, &cli.data, cli.json) {
        Ok(config) => serve(&config),
        Err(why) => {
            eprintln!("postern: {why}");
            ExitCode::FAILURE
        }
    }
}
