//! `postern man` and `postern completions`: what the table of commands says, as manual pages and as
//! the completions of shells.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use serde_json::json;

use super::{Cli, CliError, show};

/// `postern man`
#[derive(Args, Debug)]
pub struct ManCommand {
    /// The command whose page to print, such as `inbox create` [default: one page of all]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write a page for each command into this folder, such as /usr/local/share/man/man1
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    out: Option<PathBuf>,
}

/// Prints the completions of a shell.
pub fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "postern", &mut text);
    show::write(&[&text]);
    ExitCode::SUCCESS
}

/// Prints or writes pages, in roff.
pub fn man(cli: &Cli, man: &ManCommand) -> Result<ExitCode, CliError> {
    let mut command = Cli::command();
    command.build();
    match &man.out {
        Some(folder) => write_pages(cli, &command, folder)?,
        None if man.command.is_empty() => show::write(&[one_page(&command)?.as_bytes()]),
        None => {
            let found = find(&command, &man.command).ok_or_else(|| {
                let name = man.command.join(" ");
                format!("there is no command `{name}`: `postern help` lists them")
            })?;
            show::write(&[page(found)?.as_bytes()]);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn find<'a>(command: &'a clap::Command, words: &[String]) -> Option<&'a clap::Command> {
    words.iter().try_fold(command, |command, word| {
        visible(command).find(|below| below.get_name() == word)
    })
}

/// Every command that is shown, with those below it.
pub fn every(command: &clap::Command) -> Vec<&clap::Command> {
    let mut all = vec![command];
    let mut at = 0;
    while let Some(next) = all.get(at) {
        all.extend(visible(next).collect::<Vec<_>>());
        at += 1;
    }
    all
}

fn visible(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    let all = command.get_subcommands();
    all.filter(|one| one.get_name() != "help" && !one.is_hide_set())
}

fn write_pages(cli: &Cli, command: &clap::Command, folder: &Path) -> Result<(), CliError> {
    let failed = |path: &Path, e: std::io::Error| CliError::Own(format!("{}: {e}", path.display()));
    std::fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    let mut files = Vec::new();
    for one in every(command) {
        let name = one.get_display_name().unwrap_or(one.get_name());
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, page(one)?).map_err(|e| failed(&path, e))?;
        files.push(path.display().to_string());
    }
    match cli.json {
        true => show::line(json!({ "files": files })),
        false => show::line(format_args!(
            "{} pages in {}",
            files.len(),
            folder.display()
        )),
    }
    Ok(())
}

/// The page of one command.
fn page(command: &clap::Command) -> Result<String, CliError> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    Ok(ascii(&text))
}

/// One page with every command in it.
fn one_page(command: &clap::Command) -> Result<String, CliError> {
    let mut text = Vec::new();
    let page = clap_mangen::Man::new(command.clone());
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    text.extend_from_slice(b".SH COMMANDS\n");
    for one in every(command).into_iter().skip(1) {
        if visible(one).next().is_none() {
            man_of(one, &mut text)?;
        }
    }
    page.render_extra_section(&mut text)?;
    Ok(ascii(&text))
}

/// roff is ASCII (groff_char(7)).
fn ascii(text: &[u8]) -> String {
    let mut ascii = String::with_capacity(text.len());
    for c in String::from_utf8_lossy(text).chars() {
        match c.is_ascii() {
            true => ascii.push(c),
            false => ascii += &format!("\\[u{:04X}]", u32::from(c)),
        }
    }
    ascii
}

/// The part of the page about one command.
fn man_of(command: &clap::Command, text: &mut Vec<u8>) -> Result<(), CliError> {
    // The options of every command stand above, once.
    let shown =
        command
            .clone()
            .mut_args(|arg| match arg.is_global_set() || arg.get_id() == "help" {
                true => arg.hide(true),
                false => arg,
            });
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let about = command.get_about().map(ToString::to_string);
    let mut part = Vec::new();
    clap_mangen::Man::new(shown).render_options_section(&mut part)?;
    let part = String::from_utf8_lossy(&part).replace(".SH OPTIONS\n", "");
    let name = name.replace('-', "\\-");
    let about = about.unwrap_or_default().replace('-', "\\-");
    text.extend_from_slice(format!(".SS \"{name}\"\n{about}\n{part}").as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::Parser;

    /// The words of a line of a shell: `"` and `'` keep spaces, and `#` begins a remark.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
        for c in line.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '"' | '\'') => {
                    quote = Some(c);
                    word.get_or_insert_default();
                }
                (None, ' ') => words.extend(word.take()),
                (None, '#') if word.is_none() => break,
                (_, c) => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        words
    }

    #[test]
    fn every_command_is_explained_and_has_a_page() {
        let mut command = Cli::command();
        command.build();
        let one_page = one_page(&command).unwrap();
        let all = every(&command);
        assert!(all.len() > 60, "{}", all.len());
        for one in all {
            let name = one.get_bin_name().unwrap_or("postern").to_owned();
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty(), "{name} says nothing");
            for arg in one.get_arguments().filter(|arg| !arg.is_hide_set()) {
                assert!(
                    arg.get_help().is_some(),
                    "{name}: {} says nothing",
                    arg.get_id()
                );
            }
            let page = page(one).unwrap();
            for section in [".SH NAME", ".SH SYNOPSIS", ".TH "] {
                assert!(page.contains(section), "{name} has no {section}");
            }
            assert!(page.is_ascii());
            if visible(one).next().is_none() {
                let heading = format!(".SS \"{}\"", name.replace('-', "\\-"));
                assert!(one_page.contains(&heading), "{name} is not in the page");
            }
        }
    }

    #[test]
    fn every_example_is_a_command_and_every_noun_has_one() {
        let mut command = Cli::command();
        command.build();
        for one in visible(&command) {
            let name = one.get_name();
            let Some(help) = one.get_after_help().map(ToString::to_string) else {
                assert!(visible(one).next().is_none(), "{name} has no example");
                continue;
            };
            let mut n = 0;
            for line in help
                .lines()
                .filter(|line| line.trim_start().starts_with("postern "))
            {
                let words = words(line.trim().split(" | ").next().unwrap_or_default());
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                assert_eq!(words[1], name, "{line}");
                n += 1;
            }
            assert!(n > 0, "{name} has no example");
        }
    }

    #[test]
    fn every_shell_completes_every_command() {
        for shell in [
            clap_complete::Shell::Bash,
            clap_complete::Shell::Zsh,
            clap_complete::Shell::Fish,
            clap_complete::Shell::PowerShell,
        ] {
            let mut text = Vec::new();
            let mut command = Cli::command();
            clap_complete::generate(shell, &mut command, "postern", &mut text);
            let text = String::from_utf8(text).unwrap();
            for one in visible(&command) {
                assert!(text.contains(one.get_name()), "{shell}: {}", one.get_name());
                for below in visible(one) {
                    assert!(
                        text.contains(below.get_name()),
                        "{shell}: {}",
                        below.get_name()
                    );
                }
            }
        }
    }
}
