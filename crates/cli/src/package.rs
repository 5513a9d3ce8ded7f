pub(crate) mod publish;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use towerhook_package::compose::{Composed, compose_all, hosts::compose_hosts};
use towerhook_package::lambda::{Packaged, build};
use towerhook_package::release::describe;
use towerhook_package::terraform::{ModuleFile, modules};
use towerhook_package::workspace_root;

use crate::arguments::Package;

pub(crate) async fn run(arguments: &Package) -> anyhow::Result<ExitCode> {
    let processors = arguments.arch.processors();
    let mut files = BTreeSet::new();
    for processor in processors {
        for Packaged { function, zip, .. } in build(*processor, &|step| println!("{step}")).await? {
            let file = format!("{}/{function}.zip", processor.name);
            copy(&zip, &arguments.output, &file)?;
            files.insert(file);
        }
    }
    let templates = workspace_root().join("templates");
    for entry in std::fs::read_dir(&templates).context("there are no templates")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yml") {
            let file = format!("templates/{name}");
            copy(&entry.path(), &arguments.output, &file)?;
            files.insert(file);
        }
    }
    for file in describe(&arguments.output, processors, &files)? {
        let path = arguments.output.join(file);
        report(path.metadata()?.len(), &path);
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the main templates from their fragments, and the Terraform modules from the templates.
pub(crate) fn compose() -> anyhow::Result<ExitCode> {
    let root = workspace_root();
    for Composed { path, text, .. } in compose_all(&root.join("templates"))? {
        write(&path, &text)?;
    }
    for (path, text) in compose_hosts(&root.join("templates"))? {
        write(&path, &text)?;
    }
    for ModuleFile { path, text } in modules(&root)? {
        write(&path, &text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn copy(from: &Path, folder: &Path, file: &str) -> anyhow::Result<()> {
    let to = folder.join(file);
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let bytes =
        std::fs::copy(from, &to).with_context(|| format!("cannot write {}", to.display()))?;
    report(bytes, &to);
    Ok(())
}

fn report(bytes: u64, path: &Path) {
    println!("{bytes:>9} bytes  {}", path.display());
}
