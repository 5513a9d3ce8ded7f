use towerhook_core::{Result, lifecycle::Message, ports::FanOut};

use crate::{Aws, FanOutTopic, call::services::sns, classify::failed};

impl<S: AsRef<FanOutTopic>> FanOut for Aws<S> {
    async fn publish(&self, message: &Message) -> Result<()> {
        let FanOutTopic(topic) = self.settings.as_ref();
        let body = message.to_body();
        let published = sns::publish(&self.config, topic.as_str(), &body).await;
        published.map_err(failed("sns:Publish"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::{ErrorKind, lifecycle::MessageScope};

    use super::*;
    use crate::testing::{setup, xml, xml_error};

    #[tokio::test]
    async fn a_message_goes_to_the_topic() {
        let (aws, sent) = setup([
            xml("Publish", "<MessageId>1</MessageId>"),
            xml_error(403, "AuthorizationError", "no"),
        ]);
        let message = Message::new(MessageScope::All, 0);
        aws.publish(&message).await.unwrap();
        let (operation, body) = sent.calls().remove(0);
        assert_eq!(operation, "Publish");
        assert_eq!(body["TopicArn"], "arn:aws:sns:eu-west-1:999999999999:work");
        assert_eq!(body["Message"], message.to_body());
        assert_eq!(
            aws.publish(&message).await.unwrap_err().kind,
            ErrorKind::Denied
        );
    }
}
