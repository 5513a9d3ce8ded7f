//! What makes the command at home in a shell.

use std::process::ExitCode;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::arguments::{Arguments, Completions, Man};

/// The command's name, however it was started.
const NAME: &str = "towerhook";

pub(crate) fn completions(arguments: &Completions) -> anyhow::Result<ExitCode> {
    print!("{}", script(arguments.shell));
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), NAME, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

pub(crate) fn man(arguments: &Man) -> anyhow::Result<ExitCode> {
    let folder = &arguments.folder;
    let written =
        std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command(), folder));
    written.with_context(|| format!("cannot write the pages to {}", folder.display()))?;
    println!("the pages are in {}", folder.display());
    Ok(ExitCode::SUCCESS)
}

/// The command as the pages and completions name it, also in what help writes in full.
fn command() -> Command {
    let help = format!("cargo {NAME}");
    let named = |mut one: Command| {
        let usage = one.clone().render_usage().to_string();
        if usage.contains(&help) {
            let usage = usage.trim_start_matches("Usage: ");
            one = one.override_usage(usage.replace(&help, NAME));
        }
        match one.get_after_help().map(ToString::to_string) {
            Some(after) => one.after_help(after.replace(&help, NAME)),
            None => one,
        }
    };
    Arguments::command().bin_name(NAME).mut_subcommands(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_completes_commands_and_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            for word in ["redrive", "fail-under", "skip-checks"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn there_is_a_page_for_every_command_that_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("man1");
        man(&Man {
            folder: pages.clone(),
        })
        .unwrap();
        for command in command().get_subcommands() {
            let page = pages.join(format!("towerhook-{}.1", command.get_name()));
            assert_eq!(page.is_file(), !command.is_hide_set(), "{}", page.display());
            let text = std::fs::read_to_string(&page).unwrap_or_default();
            assert!(!text.contains("cargo towerhook "), "{text}");
        }
        let page = std::fs::read_to_string(pages.join("towerhook-status.1")).unwrap();
        assert!(page.contains("fail\\-under"), "{page}");
        assert!(!page.contains("cargo"), "{page}");
    }
}
