//! Requests to CloudFormation once the main stack exists.

use towerhook_sandbox::launch::{Parameters, TEMPLATE};

use crate::STACK_DEADLINE;
use crate::python::assert_requests_fit;
use crate::scene::Scene;

impl Scene {
    /// Updates the main stack.
    ///
    /// # Panics
    /// When the update fails.
    pub async fn update(&self, changes: &[(&str, &str)]) {
        self.ask_for_update(changes).await;
        self.stack
            .wait_for("UPDATE_COMPLETE", STACK_DEADLINE)
            .await
            .unwrap();
    }

    /// An update that fails and is rolled back. Returns the Reason.
    ///
    /// # Panics
    /// When the update succeeds, or the rollback fails.
    pub async fn refused_update(&self, changes: &[(&str, &str)]) -> String {
        self.ask_for_update(changes).await;
        self.stack
            .wait_for("UPDATE_ROLLBACK_COMPLETE", STACK_DEADLINE)
            .await
            .unwrap();
        let failures = self.stack.failures().await.unwrap();
        failures[0].reason.clone()
    }

    /// Requests an update without waiting for it.
    ///
    /// # Panics
    /// When CloudFormation refuses the request.
    pub async fn ask_for_update(&self, changes: &[(&str, &str)]) {
        let changes: Parameters = changes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.stack.update(TEMPLATE, &changes).await.unwrap();
    }

    /// Deletes the main stack, and validates everything that the functions sent until then against
    /// AWS's own models.
    ///
    /// # Panics
    /// When the deletion fails or a request is invalid.
    pub async fn delete(&self) {
        self.stack.delete().await.unwrap();
        self.stack
            .wait_for("DELETE_COMPLETE", STACK_DEADLINE)
            .await
            .unwrap();
        assert_requests_fit(&self.sandbox, &[]).await;
    }
}
