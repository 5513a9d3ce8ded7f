use std::fmt::Write as _;

use super::{place::Place, release::Release, stamp::launch_key};
use crate::compose::Composed;

/// AWS's picture of the button.
const PICTURE: &str =
    "https://s3.amazonaws.com/cloudformation-examples/cloudformation-launch-stack.png";

/// A table in Markdown with a button for each Region and product, which opens the page on which the stack is
/// created.
///
/// # Errors
/// When a place is in a partition without a known console.
pub fn buttons(
    release: &Release,
    places: &[Place],
    templates: &[Composed],
) -> anyhow::Result<String> {
    let mut text = String::from("| Region |");
    for template in templates {
        let _ = write!(text, " {} |", template.title);
    }
    text += &format!("\n|---|{}\n", "---|".repeat(templates.len()));
    for place in places {
        let region = &place.region;
        let _ = write!(text, "| {region} |");
        let console = place.console()?;
        for template in templates {
            let template = place.url(&launch_key(release, template)?);
            let _ = write!(
                text,
                " [![Launch Stack]({PICTURE})](https://{console}/cloudformation/home?region={region}#/stacks/\
                 create/review?stackName=towerhook&templateURL={template}) |"
            );
        }
        text.push('\n');
    }
    Ok(text)
}
