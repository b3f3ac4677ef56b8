//! `postern check-config`: what a start with this file would do, and whether it could.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::{Cli, CliError, show};
use crate::config::{Config, ServeFlags};

/// Reads the file as `serve` does, and looks at what it names.
pub fn check_config(cli: &Cli, file: &Path) -> Result<ExitCode, CliError> {
    let flags = ServeFlags {
        config: Some(file.to_owned()),
        ..ServeFlags::default()
    };
    let config = Config::load(&flags, cli.data.as_deref(), cli.json)?;
    crate::serve::check(&config)?;
    let listeners: Vec<String> = config
        .listeners
        .iter()
        .map(|wanted| format!("{}={}", wanted.listener.name(), wanted.place))
        .collect();
    if cli.json {
        show::line(json!({
            "ok": true,
            "hostname": config.hostname,
            "domain": config.domain,
            "data": config.data,
            "listeners": listeners,
        }));
    } else {
        show::line(format_args!(
            "{}: right\nhostname {}\ndomain {}\ndata {}\nlisteners {}",
            file.display(),
            config.hostname,
            config.domain,
            config.data.display(),
            listeners.join(" ")
        ));
    }
    Ok(ExitCode::SUCCESS)
}
