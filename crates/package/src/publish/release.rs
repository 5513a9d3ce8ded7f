use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, ensure};

use crate::{
    FUNCTIONS,
    compose::{Composed, compose_all},
    lambda::{ARM64, X86_64},
    release::{SUMS, digest, parse_sums},
};

/// A file as it is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key in the bucket.
    pub key: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Object {
    /// The media type by the key's end.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match Path::new(&self.key)
            .extension()
            .and_then(|end| end.to_str())
        {
            Some("zip") => "application/zip",
            Some("json") => "application/json",
            Some("yml") => "application/yaml",
            _ => "text/plain; charset=utf-8",
        }
    }
}

/// The files that `package` has written.
#[derive(Debug)]
pub struct Release {
    /// The folder in the buckets, with a slash at its end.
    pub(super) folder: String,
    /// The contents by path.
    files: BTreeMap<String, Vec<u8>>,
}

impl Release {
    /// Reads what `package` wrote, and compares it with its digests and with the templates of this clone,
    /// from which the published ones are composed.
    ///
    /// # Errors
    /// When the version is not this clone's, a file is missing or differs, or a processor was left out.
    pub fn read(folder: &Path, templates: &Path, version: &str) -> anyhow::Result<Self> {
        let own = env!("CARGO_PKG_VERSION");
        ensure!(
            version == own,
            "this clone is release {own}, and not {version}: check out its tag v{version}"
        );
        let text = read(folder, SUMS).context("run `cargo towerhook package --arch both` first")?;
        let sums = parse_sums(&String::from_utf8(text.clone())?)?;
        let mut files = BTreeMap::from([(SUMS.to_owned(), text)]);
        for (name, sum) in sums {
            let bytes = read(folder, &name)?;
            ensure!(
                digest(&bytes) == sum,
                "{name} is not the file that {SUMS} names: package again"
            );
            files.insert(name, bytes);
        }
        let release = Self {
            folder: format!("towerhook/{version}/"),
            files,
        };
        release.is_whole(&compose_all(templates)?)?;
        Ok(release)
    }

    /// Whether it has all zips, and the main templates of this clone.
    fn is_whole(&self, templates: &[Composed]) -> anyhow::Result<()> {
        for processor in [ARM64, X86_64] {
            for (function, _) in FUNCTIONS {
                let zip = format!("{}/{function}.zip", processor.name);
                ensure!(
                    self.files.contains_key(&zip),
                    "{zip} is missing: `cargo towerhook package --arch both` builds all"
                );
            }
        }
        for Composed { path, text, .. } in templates {
            let name = file_name(path)?;
            let packaged = self.files.get(&format!("templates/{name}"));
            ensure!(
                packaged.is_some_and(|packaged| packaged == text.as_bytes()),
                "{name} is not this clone's: package again"
            );
        }
        Ok(())
    }

    /// The files as objects. The digests come last: where they are, everything is.
    #[must_use]
    pub fn objects(&self) -> Vec<Object> {
        let object = |(name, bytes): (&String, &Vec<u8>)| Object {
            key: format!("{}{name}", self.folder),
            bytes: bytes.clone(),
        };
        let mut objects: Vec<_> = self.files.iter().map(object).collect();
        objects.sort_by_key(|object| object.key.ends_with(SUMS));
        objects
    }
}

fn read(folder: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let path = folder.join(name);
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

pub(super) fn file_name(path: &Path) -> anyhow::Result<String> {
    let name = path.file_name().context("a template has no name")?;
    Ok(name.to_string_lossy().into_owned())
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::{release::write_sums, workspace_root};

    pub(in crate::publish) const VERSION: &str = env!("CARGO_PKG_VERSION");

    /// A folder as `package` leaves it, with zips that are none.
    pub(in crate::publish) fn packaged() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for processor in ["arm64", "x86_64"] {
            for (function, _) in FUNCTIONS {
                let zip = format!("{processor}/{function}.zip");
                files.insert(zip.clone(), zip.into_bytes());
            }
        }
        for Composed { path, text, .. } in compose_all(&workspace_root().join("templates")).unwrap()
        {
            files.insert(
                format!("templates/{}", file_name(&path).unwrap()),
                text.into_bytes(),
            );
        }
        let sums = files
            .iter()
            .map(|(name, bytes)| (name.clone(), digest(bytes)));
        let sums = write_sums(&sums.collect());
        files.insert(SUMS.to_owned(), sums.into_bytes());
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    pub(in crate::publish) fn read_release(folder: &Path) -> anyhow::Result<Release> {
        Release::read(folder, &workspace_root().join("templates"), VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        testing::{VERSION, packaged, read_release},
        *,
    };

    fn refusal(folder: &Path) -> String {
        format!("{:#}", read_release(folder).unwrap_err())
    }

    #[test]
    fn all_files_go_below_the_releases_folder_and_the_digests_last() {
        let objects = read_release(packaged().path()).unwrap().objects();
        assert_eq!(objects.len(), 6 + 4 + 1);
        let prefix = format!("towerhook/{VERSION}/");
        assert!(objects.iter().all(|object| object.key.starts_with(&prefix)));
        let last = objects.last().unwrap();
        assert_eq!(last.key, format!("{prefix}SHA256SUMS"));
        assert_eq!(last.media_type(), "text/plain; charset=utf-8");
        assert_eq!(objects[0].media_type(), "application/zip");
    }

    #[test]
    fn what_is_not_this_clones_release_is_refused() {
        let folder = packaged();
        let other = Release::read(folder.path(), Path::new("templates"), "9.9.9");
        assert!(other.unwrap_err().to_string().contains("and not 9.9.9"));

        fs::write(folder.path().join("arm64/auth.zip"), "changed").unwrap();
        assert!(refusal(folder.path()).contains("arm64/auth.zip is not the file"));
        fs::remove_file(folder.path().join("SHA256SUMS")).unwrap();
        assert!(refusal(folder.path()).contains("package --arch both"));

        let folder = packaged();
        let sums = folder.path().join("SHA256SUMS");
        let text = fs::read_to_string(&sums).unwrap();
        let without: String = text
            .lines()
            .filter(|line| !line.ends_with("x86_64/auth.zip"))
            .map(|line| format!("{line}\n"))
            .collect();
        fs::write(&sums, without).unwrap();
        assert!(refusal(folder.path()).contains("x86_64/auth.zip is missing"));

        let template = "templates/expel.template.yml";
        fs::write(folder.path().join(template), "Resources: {}\n").unwrap();
        let line = |line: &str| {
            let name = line.split_once("  ").unwrap().1;
            let bytes = fs::read(folder.path().join(name)).unwrap();
            format!("{}  {name}\n", digest(&bytes))
        };
        fs::write(&sums, text.lines().map(line).collect::<String>()).unwrap();
        let refused = refusal(folder.path());
        assert!(
            refused.contains("expel.template.yml is not this clone's"),
            "{refused}"
        );
    }
}
