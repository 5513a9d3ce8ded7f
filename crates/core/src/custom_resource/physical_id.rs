/// The physical id of a Create that failed before it created anything: its Delete does nothing.
pub const NOTHING_MADE: &str = "towerhook-nothing-made";

/// The stable physical id of a stack's one custom resource: an Update is never a replacement.
pub fn physical_id(stack_id: &str) -> String {
    // The stack's unique part; the whole ARN would work too, but is harder to read in the console.
    let unique = stack_id.rsplit('/').next().unwrap_or(stack_id);
    format!("towerhook-{}", unique.chars().take(64).collect::<String>())
}

/// Whether a Delete is for a Create that created nothing.
pub fn made_nothing(physical_id: Option<&str>) -> bool {
    physical_id == Some(NOTHING_MADE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_depends_on_the_stack_alone() {
        let stack = "arn:aws:cloudformation:us-east-1:111122223333:stack/towerhook/12ab-34cd";
        assert_eq!(physical_id(stack), "towerhook-12ab-34cd");
        assert!(!made_nothing(Some(&physical_id(stack))));
        assert!(made_nothing(Some(NOTHING_MADE)));
    }
}
