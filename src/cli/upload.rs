//! `postern upload`, and the upload of the large files that a message attaches (`compose.rs`).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::api::{self, Api, ApiReply, QueryPairs};
use super::{Cli, CliError, show};

/// `postern upload`
#[derive(Args, Debug)]
pub struct UploadCommand {
    /// The file
    #[arg(required_unless_present_any = ["show", "delete"])]
    file: Option<PathBuf>,
    /// Show an upload instead
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "delete"])]
    show: Option<String>,
    /// Delete an upload instead, before its time
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    delete: Option<String>,
}

/// Carries out `postern upload`.
pub fn uploads(cli: &Cli, command: &UploadCommand) -> Result<ExitCode, CliError> {
    let mut api = Api::in_org(cli)?;
    if let Some(id) = &command.show {
        show::one(cli, &api.get(&of(id))?);
    }
    if let Some(id) = &command.delete {
        let reply = api.delete(&of(id))?;
        show::done(cli, &reply, format_args!("{id} is gone"));
    }
    if let Some(file) = &command.file {
        let octets = octets_of(file)?;
        show::one(cli, &upload(&mut api, file, &octets)?);
    }
    Ok(ExitCode::SUCCESS)
}

/// Uploads a file with its name, by whose ending the server finds its media type.
pub fn upload(api: &mut Api, file: &Path, octets: &[u8]) -> Result<ApiReply, CliError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let query: QueryPairs<'_> = vec![("filename", name.into_owned())];
    api.post_octets(&api::with_query(PATH, &query), None, octets)
}

/// The octets of a file.
pub fn octets_of(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|error| {
        let file = path.display();
        match error.kind() {
            ErrorKind::NotFound => {
                format!("there is no file {file}: correct its name, or the folder you are in")
                    .into()
            }
            _ => format!("the file {file} cannot be read: {error}").into(),
        }
    })
}

fn of(id: &str) -> String {
    format!("{PATH}/{}", api::escape(id))
}

const PATH: &str = "/api/v1/uploads";
