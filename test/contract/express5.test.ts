import express from 'express'
import { adapterSuite } from './adapter-suite.ts'
import { expressHost } from './express-app.ts'

adapterSuite(expressHost('Express 5', express))
adapterSuite(expressHost('Express 5, mounted by path', express, ['/bff', '/api', '/optional', '/gone']))
