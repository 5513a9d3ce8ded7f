//! Digests of what a release consists of.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Component, Path};

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

/// The SHA-256 of each file, in hexadecimal digits, by its path with slashes in it.
pub(crate) type Sums = BTreeMap<String, String>;

/// The SHA-256 of some bytes in hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        })
}

/// The digests of files below a folder.
pub(crate) fn sums<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = &'a String>,
) -> anyhow::Result<Sums> {
    let mut sums = Sums::new();
    for file in files {
        let path = folder.join(file);
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        sums.insert(file.clone(), digest(&bytes));
    }
    Ok(sums)
}

/// The file that `sha256sum --check` reads.
pub(crate) fn write(sums: &Sums) -> String {
    sums.iter().fold(String::new(), |mut text, (file, digest)| {
        let _ = writeln!(text, "{digest}  {file}");
        text
    })
}

/// The digests in such a file. A name leads below the folder of the file.
pub(crate) fn parse(text: &str) -> anyhow::Result<Sums> {
    let line = |line: &str| {
        let (sum, name) = line.split_once("  ").context("a line has no digest")?;
        let is_below = Path::new(name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        ensure!(is_below, "{name} is not below the folder");
        Ok((name.to_owned(), sum.to_owned()))
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_in_the_order_of_the_files_and_in_the_format_of_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("arm64")).unwrap();
        std::fs::write(folder.path().join("arm64/auth.zip"), "abc").unwrap();
        std::fs::write(folder.path().join("NOTICES"), "").unwrap();
        let files = ["arm64/auth.zip".to_owned(), "NOTICES".to_owned()];
        let text = write(&sums(folder.path(), &files).unwrap());
        // The digests of the standard's examples.
        assert_eq!(
            text,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  NOTICES\n\
             ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  arm64/auth.zip\n"
        );
        let parsed = parse(&text).unwrap();
        assert_eq!(write(&parsed), text);
        assert_eq!(parsed.len(), 2);
        for outside in ["../x", "/x", "a/../../x"] {
            assert!(parse(&format!("00  {outside}\n")).is_err(), "{outside}");
        }
        assert!(parse("00 x\n").is_err());
        let missing = ["x".to_owned()];
        assert!(sums(folder.path(), &missing).is_err());
    }
}
