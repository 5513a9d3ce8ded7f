//! What an operator's commands look at besides what the functions read. Nothing here writes.

mod artifacts;
mod figures;
mod organization;
mod policies;
mod stack;

use crate::Home;

/// With these settings, [`crate::Aws`] implements `Inspection`, and of the functions' ports those
/// that read the landing zone and its StackSets.
#[derive(Debug, Clone)]
pub struct InspectionSettings {
    /// The location of the landing zone.
    pub home: Home,
}

impl AsRef<Home> for InspectionSettings {
    fn as_ref(&self) -> &Home {
        &self.home
    }
}

#[cfg(test)]
mod testing {
    use super::InspectionSettings;
    use crate::{
        Aws, Home,
        testing::{Answer, Sent, replay},
    };

    /// The port over these answers.
    pub(super) fn inspection(
        answers: impl IntoIterator<Item = Answer>,
    ) -> (Aws<InspectionSettings>, Sent) {
        let (config, sent) = replay(answers);
        let home = Home {
            region: "eu-west-1".into(),
        };
        (Aws::new(&config, InspectionSettings { home }), sent)
    }
}
