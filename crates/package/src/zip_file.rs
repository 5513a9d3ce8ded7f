use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The level at which the `zip` crate starts to deflate with Zopfli. Each higher level adds an
/// iteration; ten of them save 0.2 % and double the time.
const ZOPFLI: i64 = 10;

/// How a binary is stored in its zip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Uncompressed.
    Stored,
    /// As small as possible, which takes half a minute.
    Small,
}

/// Zips a binary as a `bootstrap` that Lambda can run. The same binary gives the same bytes, so that
/// the same code has the same digest in AWS.
///
/// # Errors
/// When the binary cannot be read or the zip cannot be written.
pub fn zip_bootstrap(binary: &Path, path: &Path, packing: Packing) -> anyhow::Result<()> {
    let content =
        std::fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let fresh = path.with_extension("new");
    let mut zip = ZipWriter::new(File::create(&fresh)?);
    let options = SimpleFileOptions::default()
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let options = match packing {
        Packing::Stored => options.compression_method(CompressionMethod::Stored),
        // Zopfli compresses best when it sees the whole input at once, so it gets no buffer.
        Packing::Small => options
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(ZOPFLI))
            .with_zopfli_buffer(None),
    };
    zip.start_file("bootstrap", options)?;
    zip.write_all(&content)?;
    zip.finish()?;
    std::fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_zip_holds_an_executable_bootstrap_and_is_always_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let binary = directory.path().join("setup");
        let program = b"\x7fELF and so on".repeat(100);
        std::fs::write(&binary, &program).unwrap();
        let mut sizes = Vec::new();
        for packing in [Packing::Stored, Packing::Small] {
            let [one, two] = ["one.zip", "two.zip"].map(|name| directory.path().join(name));
            zip_bootstrap(&binary, &one, packing).unwrap();
            zip_bootstrap(&binary, &two, packing).unwrap();
            assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
            sizes.push(one.metadata().unwrap().len());
            let mut zip = zip::ZipArchive::new(File::open(&one).unwrap()).unwrap();
            assert_eq!(zip.len(), 1);
            let mut file = zip.by_name("bootstrap").unwrap();
            assert_eq!(file.unix_mode().unwrap() & 0o777, 0o755);
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            assert_eq!(content, program);
        }
        assert!(sizes[1] < sizes[0], "{sizes:?}");
    }
}
