//! Trend Micro Workload Security: a connector for every account.

mod official_client;
