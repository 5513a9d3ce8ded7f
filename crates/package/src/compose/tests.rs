use super::*;
use crate::workspace_root;

fn composed(fragments: &[&str], words: &[(&str, &str)]) -> anyhow::Result<String> {
    let fragments: Vec<_> = fragments
        .iter()
        .map(|one| ("one", one.to_string()))
        .collect();
    let words = words.iter().map(|(a, b)| (a.to_string(), b.to_string()));
    let features = ["here".to_owned()].into();
    compose(&fragments, &features, &words.collect())
}

fn refusal(fragments: &[&str], words: &[(&str, &str)]) -> String {
    format!("{:#}", composed(fragments, words).unwrap_err())
}

#[test]
fn the_committed_templates_are_what_their_fragments_compose() {
    let composed = compose_all(&workspace_root().join("templates")).unwrap();
    assert!(!composed.is_empty());
    for Composed { path, text, .. } in composed {
        assert!(
            fs::read_to_string(&path).unwrap_or_default() == text,
            "{} is out of date: change its fragments only, and `cargo towerhook compose` \
             writes it",
            path.display()
        );
    }
}

#[test]
fn no_fragment_is_left_out_and_the_engine_names_no_provider() {
    let templates = workspace_root().join("templates");
    let folders: Vec<_> = fs::read_dir(&templates)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let providers: Vec<_> = folders
        .iter()
        .filter(|folder| folder.join("composition.yml").exists())
        .map(|folder| name(folder))
        .collect();
    // Those of hosts name each other.
    let of_hosts = hosts::SOURCES.iter().flat_map(|source| {
        let text = fs::read_to_string(templates.join("hosts").join(source)).unwrap();
        let named = text.split("# <file ").skip(1);
        let named = named.map(|rest| rest.split('>').next().unwrap().to_owned());
        named
            .chain([(*source).to_owned()])
            .map(|file| format!("hosts/{file}"))
            .collect::<Vec<_>>()
    });
    let listed: BTreeSet<String> = providers
        .iter()
        .flat_map(|provider| {
            let file = templates.join(provider).join("composition.yml");
            let text = fs::read_to_string(file).unwrap();
            serde_yaml_ng::from_str::<Composition>(&text)
                .unwrap()
                .fragments
        })
        .chain(of_hosts)
        .collect();
    for folder in &folders {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let fragment = format!("{}/{}", name(folder), name(&path));
            if name(&path) != "composition.yml" {
                assert!(
                    listed.contains(&fragment),
                    "{fragment} is in no composition"
                );
            }
            let text = fs::read_to_string(&path).unwrap().to_lowercase();
            for provider in &providers {
                let names_it = name(folder) == "engine" && text.contains(provider.as_str());
                assert!(!names_it, "{fragment} names {provider}");
            }
        }
    }
}

#[test]
fn bodies_of_a_heading_are_joined_in_order_and_comments_survive() {
    let first = "# Why.\nResources:\n  # One.\n  A: 1\n\nOutputs:\n  A: 1\n";
    let second = "Description: short\n\nResources:\n  B: 2 # Two.\n\n  C: 3\n\nOutputs:\n  B: 2\n";
    let text = "Description: short\n\
                # Why.\nResources:\n  # One.\n  A: 1\n\n  B: 2 # Two.\n\n  C: 3\n\n\
                Outputs:\n  A: 1\n  B: 2\n";
    assert_eq!(composed(&[first, second], &[]).unwrap(), text);
}

#[test]
fn a_key_given_twice_is_refused() {
    let refused = refusal(&["Resources:\n  A: 1\n", "Resources:\n  A: 2\n"], &[]);
    assert!(
        refused.contains("duplicate entry with key \"A\""),
        "{refused}"
    );
    let refused = refusal(&["Description: a\n", "Description: b\n"], &[]);
    assert!(
        refused.contains("gives Description a second time"),
        "{refused}"
    );
}

#[test]
fn a_slot_is_filled_with_its_word_at_its_indentation() {
    let fragment = "Outputs:\n  - <statement>\n  - <name>'s\n";
    let words = [("statement", "Sid: A\nEffect: B"), ("name", "Vendor")];
    assert_eq!(
        composed(&[fragment], &words).unwrap(),
        "Outputs:\n  - Sid: A\n    Effect: B\n  - Vendor's\n"
    );
}

#[test]
fn a_part_stays_with_its_feature_only_or_without_it_only() {
    let fragment = "Outputs:\n  # <if here>\n  A: 1\n  # <end here>\n  # <if else>\n  B: 2\n  \
                    # <end else>\n  # <unless here>\n  C: 3\n  # <end here>\n  # <unless else>\n  \
                    D: 4\n  # <end else>\n";
    assert_eq!(
        composed(&[fragment], &[]).unwrap(),
        "Outputs:\n  A: 1\n  D: 4\n"
    );
    for odd in [
        "  # <if here>\n",
        "  # <end here>\n",
        "  # <if a>\n  # <if b>\n",
    ] {
        refusal(&[&format!("Outputs:\n  A: 1\n{odd}")], &[]);
    }
}

#[test]
fn a_slot_without_a_word_and_a_word_without_a_slot_are_refused() {
    assert!(refusal(&["Outputs:\n  A: <b>\n"], &[]).contains("no word for {\"<b>\"}"));
    assert!(refusal(&["Outputs:\n  A: b\n"], &[("b", "c")]).contains("no fragment has a slot"));
}

#[test]
fn a_line_outside_the_headings_of_a_template_is_refused() {
    assert!(refusal(&["Resource:\n  A: 1\n"], &[]).contains("the heading Resource"));
    assert!(refusal(&["  A: 1\n"], &[]).contains("it has no heading"));
    assert!(refusal(&["Outputs:\n# Astray.\n  A: 1\n"], &[]).contains("no heading"));
}

#[test]
fn a_published_template_asks_for_no_bucket_and_the_release_is_the_workspaces() {
    let templates = workspace_root().join("templates");
    let fragment = "Mappings:\n  Published:\n    eu-west-1:\n      Bucket: towerhook-eu-west-1\n";
    let published = compose_published(&templates, fragment).unwrap();
    for (published, plain) in published.iter().zip(compose_all(&templates).unwrap()) {
        let parse = |text: &str| serde_yaml_ng::from_str::<serde_yaml_ng::Value>(text).unwrap();
        let (published, plain) = (parse(&published.text), parse(&plain.text));
        let bucket = &published["Parameters"]["ArtifactBucket"];
        assert_eq!(bucket["Default"], "");
        assert!(
            plain["Parameters"]["ArtifactBucket"]
                .get("Default")
                .is_none()
        );
        let release = env!("CARGO_PKG_VERSION");
        let regions = &published["Mappings"]["Published"];
        assert_eq!(regions["eu-west-1"]["Bucket"], "towerhook-eu-west-1");
        assert_eq!(
            published["Mappings"]["Towerhook"]["Release"]["Version"],
            release
        );
        assert_eq!(
            published["Parameters"]["ArtifactPrefix"]["Default"],
            format!("towerhook/{release}/")
        );
    }
}
