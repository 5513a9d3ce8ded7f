//! The removal takes off what was installed, and nothing else.

use super::good;
use super::host::Host;

#[tokio::test]
async fn a_removal_leaves_the_host_as_it_was() {
    for (file, release) in [
        ("agent.tgz", good()),
        ("agent.deb", b"a package".to_vec()),
        ("agent.rpm", b"a package".to_vec()),
    ] {
        let host = Host::new(file, &release).await;
        let before = host.files();
        assert_eq!(host.install().await.code, 0);
        assert!(host.files().len() > before.len());
        host.put("var/log/lacework/datacollector.log", b"a log");

        let ran = host.remove().await;
        assert_eq!(ran.code, 0, "{file}: {ran:?}");
        assert_eq!(host.files(), before, "{file}");
        assert!(!host.root("var/lib/lacework").exists(), "{file}");
        assert!(!host.root("var/lib/towerhook-hosts").exists(), "{file}");
        for left in ["active", "deb", "rpm"] {
            assert!(!host.knows(left), "{file}: {left}");
        }

        let calls = host.calls();
        let ran = host.remove().await;
        assert_eq!(ran.code, 0, "{file}: {ran:?}");
        assert_eq!(host.files(), before, "{file}");
        assert_eq!(host.calls(), calls, "a second removal calls nothing");
    }
}

#[tokio::test]
async fn what_broke_off_is_removed_too() {
    let host = Host::new("agent.tgz", &super::archive("exit 1")).await;
    let before = host.files();
    assert_eq!(host.install().await.code, 48);
    assert_ne!(host.files(), before);
    let ran = host.remove().await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(host.files(), before);
}

#[tokio::test]
async fn a_removal_says_why_it_cannot() {
    let mut host = Host::new("agent.deb", b"a package").await;
    assert_eq!(host.install().await.code, 0);
    host.remove_program("systemctl");
    let ran = host.remove().await;
    assert_eq!(ran.code, 41, "{ran:?}");
    assert!(ran.output.contains("lacks systemctl,"), "{ran:?}");
    host.values.insert("Agent", "other".into());
    assert_eq!(host.remove().await.code, 47);
}

#[tokio::test]
async fn a_package_that_cannot_be_removed_is_told_of_and_tried_again() {
    let host = Host::new("agent.deb", b"a package").await;
    assert_eq!(host.install().await.code, 0);
    // A folder in its place cannot be removed as a file.
    host.forget("deb");
    std::fs::create_dir(host.stub("deb")).unwrap();
    let ran = host.remove().await;
    assert_eq!(ran.code, 48, "{ran:?}");
    std::fs::remove_dir(host.stub("deb")).unwrap();
    assert_eq!(host.remove().await.code, 0);
    assert!(!host.root("var/lib/lacework").exists());
}
