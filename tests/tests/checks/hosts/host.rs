//! A host in a folder: the scripts of the documents run for real below it, with stand-ins for what belongs to
//! the machine (the AWS CLI, the package managers, systemd), and a server of releases on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::TempDir;
use tokio::process::Command;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::hosts::{digest, script};

/// The programs that a script finds. Each call of one is written down with its arguments.
const TOOLS: [&str; 14] = [
    "cat",
    "cmp",
    "curl",
    "grep",
    "gzip",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "rmdir",
    "sed",
    "sh",
    "sha256sum",
    "tar",
];

/// Stand-ins, with what they do. They keep what they know in the folder `$STUBS`.
const STUBS: [(&str, &str); 5] = [
    (
        "aws",
        r#"[ "$*" = "ssm get-parameter --with-decryption --name /agents/token --query Parameter.Value --output text" ] || exit 252
[ "$AWS_REGION $AWS_DEFAULT_REGION" = "eu-west-1 eu-west-1" ] || exit 253
[ -e "$STUBS/token" ] || { echo "An error occurred (ParameterNotFound)" >&2; exit 254; }
exec /bin/cat "$STUBS/token""#,
    ),
    (
        "dpkg",
        r#"case $1 in
-i) /bin/cp "$2" "$TOWERHOOK_ROOT/var/lib/lacework/datacollector" && /bin/touch "$STUBS/deb" ;;
-s) [ -e "$STUBS/deb" ] ;;
--purge) /bin/rm "$STUBS/deb" ;;
esac"#,
    ),
    (
        "rpm",
        r#"case $1 in
-U) /bin/cp "$3" "$TOWERHOOK_ROOT/var/lib/lacework/datacollector" && /bin/touch "$STUBS/rpm" ;;
-q) [ -e "$STUBS/rpm" ] ;;
-e) /bin/rm "$STUBS/rpm" ;;
esac"#,
    ),
    (
        "systemctl",
        r#"case $1 in
list-unit-files) [ ! -e "$STUBS/units" ] || /bin/cat "$STUBS/units" ;;
is-active) [ -e "$STUBS/active" ] ;;
enable) [ ! -e "$STUBS/broken" ] && /bin/touch "$STUBS/active" ;;
disable) /bin/rm "$STUBS/active" ;;
esac"#,
    ),
    ("uname", r#"/bin/cat "$STUBS/processor""#),
];

pub(crate) const TOKEN: &str = "a1b2c3-the-token-4d5e6f";

pub(crate) struct Host {
    folder: TempDir,
    pub(crate) server: MockServer,
    /// The parameters of the install document.
    pub(crate) values: BTreeMap<&'static str, String>,
    pub(crate) shell: &'static str,
    /// An agent of SSM that writes the parameters into the script.
    pub(crate) is_old: bool,
    token: String,
}

/// How a script ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) output: String,
}

/// What is on a host: each file with its content and the time of its last change.
pub(crate) type Files = BTreeMap<PathBuf, (Vec<u8>, SystemTime)>;

impl Host {
    /// A host with a token, whose release is this file of the server.
    pub(crate) async fn new(file: &str, release: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["root/proc/1", "root/var/tmp", "bin", "stubs"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("root/proc/1/comm"), "systemd\n").unwrap();
        let server = MockServer::start().await;
        let url = format!("{}/v{{version}}/{file}", server.uri());
        let values = [
            ("Agent", "lacework".to_owned()),
            ("AgentVersion", "8.2.0".to_owned()),
            ("ReleaseUrl", url),
            ("Sha256X86", digest(release)),
            ("Sha256Arm64", "none".to_owned()),
            ("SigningKeyFingerprint", "0".repeat(40)),
            ("TokenName", "/agents/token".to_owned()),
            ("ServerUrl", "https://api.lacework.net".to_owned()),
            ("AutoUpgrade", "disable".to_owned()),
        ];
        let mut host = Self {
            folder,
            server,
            values: values.into(),
            shell: "sh",
            is_old: false,
            token: String::new(),
        };
        for tool in TOOLS {
            host.add_tool(tool);
        }
        for (name, does) in STUBS {
            host.program(name, does);
        }
        host.know("processor", "x86_64\n");
        host.keep_token(TOKEN);
        host.serve(file, release).await;
        host
    }

    pub(crate) async fn serve(&self, file: &str, content: &[u8]) {
        let file = file
            .replace("{version}", "8.2.0")
            .replace("{arch}", "amd64");
        Mock::given(method("GET"))
            .and(path(format!("/v8.2.0/{file}")))
            .respond_with(ResponseTemplate::new(200).set_body_bytes(content))
            .mount(&self.server)
            .await;
    }

    /// How many files the server was asked for.
    pub(crate) async fn downloads(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }

    pub(crate) fn keep_token(&mut self, token: &str) {
        self.know("token", &format!("{token}\n"));
        token.clone_into(&mut self.token);
    }

    /// Tells the stand-ins something.
    pub(crate) fn know(&self, name: &str, content: &str) {
        fs::write(self.stub(name), content).unwrap();
    }

    pub(crate) fn forget(&self, name: &str) {
        fs::remove_file(self.stub(name)).unwrap();
    }

    /// Where a stand-in keeps what it knows.
    pub(crate) fn stub(&self, name: &str) -> PathBuf {
        self.folder.path().join("stubs").join(name)
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        self.stub(name).exists()
    }

    pub(crate) fn root(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }

    pub(crate) fn put(&self, name: &str, content: &[u8]) {
        let path = self.root(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Makes a program of this machine one of the host's.
    pub(crate) fn add_tool(&self, name: &str) {
        let places = std::env::var_os("PATH").unwrap();
        let real = std::env::split_paths(&places)
            .map(|place| place.join(name))
            .find(|path| path.is_file())
            .unwrap_or_else(|| panic!("this machine has no {name}"));
        self.program(name, &format!("exec {} \"$@\"", real.display()));
    }

    /// Gives the host a program that does this.
    pub(crate) fn program(&self, name: &str, does: &str) {
        let file = self.folder.path().join("bin").join(name);
        let text = format!("#!/bin/sh\nprintf '%s\\n' \"{name} $*\" >>\"$CALLS\"\n{does}\n");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn remove_program(&self, name: &str) {
        fs::remove_file(self.folder.path().join("bin").join(name)).unwrap();
    }

    /// Every call of a program so far, with its arguments.
    pub(crate) fn calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default()
    }

    pub(crate) fn config(&self) -> serde_json::Value {
        let text = fs::read(self.root("var/lib/lacework/config/config.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    pub(crate) fn files(&self) -> Files {
        let mut found = Files::new();
        let mut folders = vec![self.root("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let changed = path.metadata().unwrap().modified().unwrap();
                    let name = path.strip_prefix(self.root("")).unwrap().to_owned();
                    found.insert(name, (fs::read(path).unwrap(), changed));
                }
            }
        }
        found
    }

    pub(crate) async fn install(&self) -> Ran {
        self.run(script("InstallDocument")).await
    }

    pub(crate) async fn remove(&self) -> Ran {
        self.run(script("RemoveDocument")).await
    }

    /// Runs a script as SSM Agent does. Whatever it does, the token is in no output and in no argument, and
    /// nothing is left of what it unpacked.
    async fn run(&self, mut script: String) -> Ran {
        let at = |name: &str| self.folder.path().join(name);
        let mut command = Command::new(which(self.shell));
        command.env_clear().env("PATH", at("bin"));
        command.env("TOWERHOOK_ROOT", at("root"));
        // SSM Agent names the Region; the AWS CLI may have none.
        command.env("AWS_SSM_REGION_NAME", "eu-west-1");
        command.env("STUBS", at("stubs")).env("CALLS", at("calls"));
        for (name, value) in &self.values {
            if self.is_old {
                script = script.replace(&format!("{{{{ {name} }}}}"), value);
            } else {
                command.env(format!("SSM_{name}"), value);
            }
        }
        let file = at("_script.sh");
        fs::write(&file, script).unwrap();
        let output = command.arg(file).output().await.unwrap();
        let output_text = [output.stdout, output.stderr].concat();
        let ran = Ran {
            code: output.status.code().unwrap(),
            output: String::from_utf8(output_text).unwrap(),
        };
        let escaped = serde_json::to_string(&self.token).unwrap();
        for secret in [self.token.as_str(), escaped.trim_matches('"')] {
            assert!(!ran.output.contains(secret), "{ran:?}");
            assert!(!self.calls().contains(secret), "{}", self.calls());
        }
        assert_eq!(fs::read_dir(at("root/var/tmp")).unwrap().count(), 0);
        ran
    }
}

fn which(shell: &str) -> PathBuf {
    Path::new("/bin").join(shell)
}
