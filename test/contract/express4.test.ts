import express from 'express4'
import { adapterSuite } from './adapter-suite.ts'
import { expressHost } from './express-app.ts'

adapterSuite(expressHost('Express 4', express))
