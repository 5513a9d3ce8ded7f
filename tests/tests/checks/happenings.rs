//! The events for others are as their published schema says.

use std::{collections::BTreeMap, path::Path};

use serde_json::json;
use tokio::process::Command;
use towerhook_core::happening::{Happening, Named, SOURCE};
use towerhook_providers::Vendor;

use crate::templates::{linters, succeeds_and_says_nothing};

fn happenings() -> [Happening; 5] {
    let account = || Named {
        id: "111122223333".parse().unwrap(),
        name: "sales".into(),
    };
    let unread = Named {
        name: String::new(),
        ..account()
    };
    [
        Happening::Enrolled(account()),
        Happening::Enrolled(unread),
        Happening::Offboarded(account()),
        Happening::Blocked {
            account: account(),
            code: "stack-fails".into(),
            reason: "its member stack cannot be made: no role".into(),
        },
        Happening::Compared {
            watched: 3,
            unwatched: BTreeMap::from([("stack-fails".to_owned(), 2)]),
        },
    ]
}

#[tokio::test]
async fn every_event_is_as_the_published_schema_says() {
    let mut lines = String::new();
    for (name, _) in Vendor::KNOWN {
        for happening in happenings() {
            let event = happening.event("towerhook", name);
            let event = json!({
                "source": SOURCE, "detail-type": event.detail_type, "detail": event.detail,
            });
            lines += &format!("{event}\n");
        }
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut check = Command::new(linters().await);
    let check = check
        .arg(root.join("python/events_check.py"))
        .arg(root.join("../docs/events.schema.json"))
        .arg(file.path());
    succeeds_and_says_nothing(check).await;
}
