use towerhook_core::{Result, ports::AlarmState};

use super::InspectionSettings;
use crate::call::xml::elements;
use crate::{Aws, call::services::monitoring, classify::failed};

const ALARMS: &str = "cloudwatch:DescribeAlarms";

impl Aws<InspectionSettings> {
    pub(super) async fn states_of_alarms(&self, names: &[String]) -> Result<Vec<AlarmState>> {
        let numbered = names.iter().zip(1..);
        let mut fields: Vec<_> = numbered
            .map(|(name, number)| (format!("AlarmNames.member.{number}"), name.as_str()))
            .collect();
        fields.push(("MaxRecords".to_owned(), "100"));
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        let reply = monitoring::describe_alarms(&self.config, &fields).await;
        let reply = reply.map_err(failed(ALARMS))?;
        let path = ["DescribeAlarmsResult", "MetricAlarms", "member"];
        let alarms = elements(&reply, ALARMS, &path)?.into_iter();
        let states = alarms.filter_map(|mut alarm| {
            Some(AlarmState {
                name: alarm.remove("AlarmName")?,
                state: alarm.remove("StateValue")?,
            })
        });
        Ok(states.collect())
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ports::StackInspection;

    use crate::{inspection::testing::inspection, testing::xml};

    #[tokio::test]
    async fn the_alarms_of_a_stack_are_asked_for_by_name() {
        let alarms = "<MetricAlarms><member><AlarmName>one</AlarmName><Dimensions><member>\
                      <Name>Stack</Name></member></Dimensions><StateValue>ALARM</StateValue>\
                      </member></MetricAlarms>";
        let (aws, sent) = inspection([xml("DescribeAlarms", alarms)]);
        let names = ["one".to_owned(), "two".to_owned()];
        let states = aws.alarms(&names).await.unwrap();
        assert_eq!(states.len(), 1);
        assert_eq!(
            (states[0].name.as_str(), &*states[0].state),
            ("one", "ALARM")
        );
        assert_eq!(sent.calls()[0].1["AlarmNames.member.2"], "two");
        assert_eq!(aws.alarms(&[]).await.unwrap(), []);
        assert_eq!(sent.operations().len(), 1, "none is not all");
    }
}
