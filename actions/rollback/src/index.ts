import * as core from '@actions/core';
import { A } from '@delivery/release';
import { connect } from '@delivery/ssh';
core.info(JSON.stringify(A.parse({ a: 1 })) + typeof connect);
