// What the SDKs are pointed at; test_typescript_sdks.py says it in the environment.
export const url = process.env.CCPROXY_TEST_URL;
export const key = process.env.CCPROXY_TEST_KEY;
export const throughCcproxy = process.env.CCPROXY_TEST_THROUGH === "1";

/** Headers that make the scripted provider fail (tests/fakes/provider/faults.py). */
export const fails = (fault) => ({ headers: { "x-fake-fault": fault } });
