use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use towerhook_package::compose::{Composed, compose_all};
use towerhook_package::lambda::{Packaged, build};
use towerhook_package::terraform::{ModuleFile, modules};
use towerhook_package::workspace_root;

use crate::arguments::Package;

pub(crate) async fn run(arguments: &Package) -> anyhow::Result<ExitCode> {
    for processor in arguments.arch.processors() {
        let folder = arguments.output.join(processor.name);
        for Packaged { function, zip, .. } in build(*processor, &|step| println!("{step}")).await? {
            copy(&zip, &folder, &format!("{function}.zip"))?;
        }
    }
    let templates = workspace_root().join("templates");
    for entry in std::fs::read_dir(&templates).context("there are no templates")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".yml") {
            copy(&entry.path(), &arguments.output.join("templates"), &name)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes the main templates from their fragments, and the Terraform modules from the templates.
pub(crate) fn compose() -> anyhow::Result<ExitCode> {
    let root = workspace_root();
    for Composed { path, text, .. } in compose_all(&root.join("templates"))? {
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

fn copy(from: &Path, folder: &Path, name: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let to = folder.join(name);
    let bytes =
        std::fs::copy(from, &to).with_context(|| format!("cannot write {}", to.display()))?;
    println!("{bytes:>9} bytes  {}", to.display());
    Ok(())
}
