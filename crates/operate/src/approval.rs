use towerhook_core::enrollment::Held;

use crate::Comparison;

/// Why a digest approves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld {
    /// Nothing awaits approval.
    #[error("no offboarding awaits approval")]
    Nothing,
    /// Something else does.
    #[error(
        "that is not the digest of the offboardings that await approval: it is mistyped, or other \
         accounts would leave by now; look at the plan again"
    )]
    Another,
}

/// The offboardings that this digest approves.
///
/// # Errors
///
/// Nothing is held, or something with another digest.
pub fn held_by<'a>(comparison: &'a Comparison, digest: &str) -> Result<&'a Held, NotHeld> {
    let held = comparison.held.as_ref().ok_or(NotHeld::Nothing)?;
    if held.digest == digest {
        Ok(held)
    } else {
        Err(NotHeld::Another)
    }
}

#[cfg(test)]
mod tests {
    use towerhook_world::{Step, World};

    use super::*;
    use crate::status::testing::{enrolled, read};

    async fn compare(world: &World) -> Comparison {
        Comparison::of(&read(world).await)
    }

    #[test]
    fn only_the_digest_of_what_is_held_approves_it() {
        enrolled(8, async |world| {
            let before = compare(&world).await;
            assert_eq!(held_by(&before, "0123456789ab"), Err(NotHeld::Nothing));
            for account in 0..6 {
                let busy = false;
                world.happen(&Step::Close { account, busy });
            }
            let comparison = compare(&world).await;
            let held = comparison.held.clone().unwrap();
            assert_eq!(held_by(&comparison, &held.digest), Ok(&held));
            assert_eq!(held_by(&comparison, "0123456789ab"), Err(NotHeld::Another));
            assert_eq!(held_by(&comparison, ""), Err(NotHeld::Another));
        });
    }
}
