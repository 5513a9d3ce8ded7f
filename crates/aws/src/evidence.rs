use towerhook_core::{Result, ports::EvidenceWrites};

use crate::{
    Aws, EvidenceBucket,
    call::services::s3,
    classify::{failed, unusable},
};

const PUT: &str = "s3:PutObject";

impl<S: AsRef<EvidenceBucket>> EvidenceWrites for Aws<S> {
    async fn put_evidence(
        &self,
        key: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<()> {
        let EvidenceBucket { name, folder } = self.settings.as_ref();
        let name = name
            .as_ref()
            .ok_or_else(|| unusable(PUT, "no bucket for evidence"))?;
        let key = format!("{folder}/{key}");
        let put = s3::put_object(&self.config, (name, &key), content_type, body).await;
        put.map_err(failed(PUT))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use towerhook_core::ErrorKind;

    use super::*;
    use crate::testing::{account, answer, error};

    #[tokio::test]
    async fn an_object_is_put_in_the_folder_of_the_stack() {
        let (aws, sent) = account([answer(json!({})), error(403, "AccessDenied")]);
        let put = || aws.put_evidence("2026-01-01/coverage.csv", "text/csv", b"a".to_vec());
        put().await.unwrap();
        let url = sent.operations().remove(0);
        assert!(
            url.ends_with("/evidence/towerhook/2026-01-01/coverage.csv"),
            "{url}"
        );
        assert_eq!(sent.header("content-type").unwrap(), "text/csv");
        assert_eq!(put().await.unwrap_err().kind, ErrorKind::Denied);
    }
}
