//! A real package, installed and removed by the real dpkg below the host's folder.

use std::io::ErrorKind;
use std::process::Command;

use super::host::Host;

/// A package with the agent in it. `None` where this machine has no dpkg.
fn package() -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("lacework");
    let home = tree.join("var/lib/lacework");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("datacollector"), "agent").unwrap();
    std::fs::create_dir(tree.join("DEBIAN")).unwrap();
    let control = "Package: lacework\nVersion: 8.2.0\nArchitecture: all\nMaintainer: Vendor <v@example.com>\n\
                   Description: The agent.\n";
    std::fs::write(tree.join("DEBIAN/control"), control).unwrap();
    let file = folder.path().join("lacework.deb");
    let built = Command::new("dpkg-deb")
        .arg("--build")
        .args([&tree, &file])
        .output();
    match built {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
            Some(std::fs::read(file).unwrap())
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound);
            None
        }
    }
}

/// Where dpkg is installed; the scripts call it in the same way without it.
#[tokio::test]
async fn the_real_package_manager_installs_the_agent_and_removes_it() {
    let Some(package) = package() else { return };
    let host = Host::new("lacework_{version}_{arch}.deb", &package).await;
    for name in ["info", "updates", "triggers"] {
        std::fs::create_dir_all(host.root("var/lib/dpkg").join(name)).unwrap();
    }
    host.put("var/lib/dpkg/status", b"");
    let places = std::env::var("PATH").unwrap();
    host.program(
        "dpkg",
        &format!(
            "PATH={places:?} exec dpkg --root=\"$TOWERHOOK_ROOT\" --force-not-root --force-bad-path \\\n  \
             --log=/dev/null \"$@\""
        ),
    );
    let agent = host.root("var/lib/lacework/datacollector");
    let status = || std::fs::read_to_string(host.root("var/lib/dpkg/status")).unwrap();

    for _ in 0..2 {
        let ran = host.install().await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(std::fs::read(&agent).unwrap(), b"agent");
        assert!(status().contains("Status: install ok installed"));
    }
    assert_eq!(host.calls().matches("dpkg -i").count(), 1);

    let ran = host.remove().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!host.root("var/lib/lacework").exists());
    assert!(!status().contains("lacework"), "{}", status());
}
