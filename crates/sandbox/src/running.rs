//! Where other processes find the sandboxes that run on this machine: a file for each, by its name.
//!
//! A sandbox holds the lock on its file for as long as it runs. The operating system lets go of the lock
//! however the sandbox ends, so a file that nobody holds is a leftover.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, bail};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::aws_client::{AccessKey, AwsClient};

/// Longer names say nothing more.
const LONGEST_NAME: usize = 40;

/// A sandbox's name: letters, digits and dashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Default for Name {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A text that names no sandbox.
#[derive(Debug, thiserror::Error)]
#[error(
    "a sandbox's name has 1 to {LONGEST_NAME} letters, digits and dashes, and begins with no dash"
)]
pub struct NotAName;

impl FromStr for Name {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let fits = (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(is_allowed);
        if fits && !text.starts_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAName)
        }
    }
}

/// The address and credentials of a running sandbox, for other processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Running {
    /// The endpoint of AWS.
    pub endpoint: Url,
    /// The home Region.
    pub region: String,
    /// 12 digits.
    pub management_account: String,
    /// Id of the access key of [`identities::ADMINISTRATOR`](crate::identities::ADMINISTRATOR) in the
    /// management account.
    pub access_key_id: String,
    /// Its secret, valid for this sandbox alone.
    #[serde(with = "written_out")]
    pub secret_access_key: SecretString,
    /// The SaaS's name in sentences.
    pub saas: String,
    /// The SaaS.
    pub saas_url: Url,
}

impl Running {
    /// The running sandbox of this name. Without a name, the only one that runs.
    ///
    /// # Errors
    /// When it does not run, or not yet; without a name, when none runs, or several do.
    pub fn find(target: &Path, name: Option<&Name>) -> anyhow::Result<Self> {
        let name = match name {
            Some(name) => name.clone(),
            None => the_only(&all(target)?)?,
        };
        let file = file(target, &name);
        let text = match File::open(&file) {
            Ok(mut open) if is_held(&open)? => read(&mut open),
            Ok(_) => bail!(
                "the sandbox {name} no longer runs, and left {} behind: start it again with `{}`",
                file.display(),
                start(&name)
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!("no sandbox {name} runs: start it with `{}`", start(&name))
            }
            Err(error) => Err(error),
        };
        let text = text.with_context(|| format!("cannot read {}", file.display()))?;
        if text.is_empty() {
            bail!("the sandbox {name} is still starting: wait until it prints its endpoints");
        }
        serde_json::from_str(&text).with_context(|| format!("cannot read {}", file.display()))
    }

    /// A client for the management account's administrator, through the gateway.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn client(&self) -> anyhow::Result<AwsClient> {
        let client = AwsClient::new(self.endpoint.clone(), self.region.clone())?;
        let key = AccessKey {
            id: self.access_key_id.clone(),
            secret: self.secret_access_key.clone(),
            session_token: None,
        };
        Ok(client.with_key(&self.management_account, key))
    }
}

/// A name that no other sandbox takes until this is dropped, which removes its file.
#[derive(Debug)]
pub struct Claim {
    open: File,
    file: PathBuf,
}

impl Claim {
    /// Takes the name. A file that an ended sandbox left behind is taken over.
    ///
    /// # Errors
    /// When a sandbox of this name runs, or its file cannot be written.
    pub fn new(target: &Path, name: &Name) -> anyhow::Result<Self> {
        let file = file(target, name);
        let cannot_write = || format!("cannot write {}", file.display());
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(cannot_write)?;
        }
        loop {
            // It holds a secret.
            let open = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&file)
                .with_context(cannot_write)?;
            match open.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => bail!(
                    "a sandbox {name} runs already: end it with Ctrl-C in its terminal, or choose \
                     another name with `cargo towerhook sandbox --name NAME`"
                ),
                Err(TryLockError::Error(error)) => return Err(error).with_context(cannot_write),
            }
            // A sandbox that ended meanwhile has removed the file that was opened.
            let is_there = std::fs::metadata(&file)
                .is_ok_and(|there| open.metadata().is_ok_and(|ours| ours.ino() == there.ino()));
            if is_there {
                open.set_len(0).with_context(cannot_write)?;
                return Ok(Self { open, file });
            }
        }
    }

    /// Lets other processes find the sandbox.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn publish(&mut self, running: &Running) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(running)? + "\n";
        // One write, so that nobody reads a part of it.
        let written = self
            .open
            .rewind()
            .and_then(|()| self.open.write_all(text.as_bytes()));
        written.with_context(|| format!("cannot write {}", self.file.display()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The lock is still held. An error only means that the file is gone already.
        let _ = std::fs::remove_file(&self.file);
    }
}

fn folder(target: &Path) -> PathBuf {
    target.join("towerhook/sandbox")
}

fn file(target: &Path, name: &Name) -> PathBuf {
    folder(target).join(format!("{name}.json"))
}

fn start(name: &Name) -> String {
    if *name == Name::default() {
        return "cargo towerhook sandbox".to_owned();
    }
    format!("cargo towerhook sandbox --name {name}")
}

fn read(file: &mut File) -> std::io::Result<String> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// The names of the sandboxes that run.
fn all(target: &Path) -> anyhow::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder(target)).into_iter().flatten() {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let Some(Ok(name)) = stem.map(str::parse) else {
            continue;
        };
        // It may have ended meanwhile.
        if let Ok(open) = File::open(&path)
            && is_held(&open)?
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn the_only(names: &[Name]) -> anyhow::Result<Name> {
    match names {
        [] => bail!("no sandbox runs: start one with `cargo towerhook sandbox`"),
        [name] => Ok(name.clone()),
        several => {
            let several: Vec<_> = several.iter().map(Name::to_string).collect();
            bail!(
                "several sandboxes run ({}): choose one with --sandbox=NAME",
                several.join(", ")
            )
        }
    }
}

/// Whether a sandbox holds the lock on its file.
fn is_held(file: &File) -> anyhow::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Serializes a secret in plain text: another process has to read it.
mod written_out {
    use secrecy::{ExposeSecret, SecretString};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        secret: &SecretString,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose_secret())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SecretString, D::Error> {
        Ok(String::deserialize(deserializer)?.into())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn running(port: u16) -> Running {
        Running {
            endpoint: format!("http://127.0.0.1:{port}").parse().unwrap(),
            region: "us-east-1".into(),
            management_account: "111111111111".into(),
            access_key_id: "AKIA".into(),
            secret_access_key: "canary".to_owned().into(),
            saas: "Lacework".into(),
            saas_url: "http://127.0.0.1:1".parse().unwrap(),
        }
    }

    fn started(target: &Path, text: &str, port: u16) -> Claim {
        let mut claim = Claim::new(target, &name(text)).unwrap();
        claim.publish(&running(port)).unwrap();
        claim
    }

    fn port(found: anyhow::Result<Running>) -> u16 {
        found.unwrap().endpoint.port().unwrap()
    }

    fn refusal(found: anyhow::Result<Running>) -> String {
        found.unwrap_err().to_string()
    }

    #[test]
    fn the_only_sandbox_needs_no_name_and_of_several_one_is_named() {
        let target = tempfile::tempdir().unwrap();
        let target = target.path();
        let none = refusal(Running::find(target, None));
        assert!(none.starts_with("no sandbox runs"), "{none}");
        let one = started(target, "one", 1001);
        assert_eq!(port(Running::find(target, None)), 1001);
        let two = started(target, "two", 1002);
        assert_eq!(port(Running::find(target, Some(&name("two")))), 1002);
        assert_eq!(port(Running::find(target, Some(&name("one")))), 1001);
        let several = refusal(Running::find(target, None));
        assert!(several.contains("(one, two)"), "{several}");
        drop(one);
        assert!(!file(target, &name("one")).exists());
        assert_eq!(port(Running::find(target, None)), 1002);
        let gone = refusal(Running::find(target, Some(&name("one"))));
        assert!(
            gone.ends_with("`cargo towerhook sandbox --name one`"),
            "{gone}"
        );
        drop(two);
    }

    #[test]
    fn a_second_sandbox_of_one_name_is_refused_and_harms_the_first_not() {
        let target = tempfile::tempdir().unwrap();
        let target = target.path();
        let first = started(target, "one", 1001);
        let refused = Claim::new(target, &name("one")).unwrap_err().to_string();
        assert!(refused.contains("another name with"), "{refused}");
        assert_eq!(port(Running::find(target, Some(&name("one")))), 1001);
        drop(first);
        started(target, "one", 1002);
    }

    #[test]
    fn a_file_that_nobody_holds_is_a_leftover_and_taken_over() {
        let target = tempfile::tempdir().unwrap();
        let target = target.path();
        let left = file(target, &name("one"));
        std::fs::create_dir_all(left.parent().unwrap()).unwrap();
        let long = serde_json::to_string(&running(1001)).unwrap() + &" ".repeat(1000);
        std::fs::write(&left, long).unwrap();
        let stale = refusal(Running::find(target, Some(&name("one"))));
        assert!(stale.contains("no longer runs"), "{stale}");
        assert!(refusal(Running::find(target, None)).starts_with("no sandbox runs"));
        let mut claim = Claim::new(target, &name("one")).unwrap();
        let starting = refusal(Running::find(target, None));
        assert!(starting.contains("still starting"), "{starting}");
        claim.publish(&running(1002)).unwrap();
        assert_eq!(port(Running::find(target, None)), 1002);
    }

    #[test]
    fn the_file_with_the_secret_is_its_owners() {
        let target = tempfile::tempdir().unwrap();
        let claim = started(target.path(), "one", 1001);
        let mode = claim.file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let found = Running::find(target.path(), None).unwrap();
        assert!(found.client().is_ok());
    }

    #[test]
    fn a_name_is_a_file_name_of_letters_digits_and_dashes() {
        for good in ["default", "a", "Blue-2"] {
            assert_eq!(name(good).to_string(), good);
        }
        for bad in ["", "-a", "../a", "a/b", "a.b", &"a".repeat(41)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
